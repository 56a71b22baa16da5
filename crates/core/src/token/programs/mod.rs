//! Every program there is: a file each, and a line in the table.

mod reference_ft;
mod reference_nft;

use super::program::Program;

/// The table.
pub(super) const PROGRAMS: &[&dyn Program] = &[
    &reference_ft::ReferenceFt,
    &reference_nft::ReferenceNft,
    #[cfg(test)]
    &super::decide::tests::Faulty,
];
