//! The network itself: what it promises those who test against it.
