//! The program as its users run it: a process, its files, its exit codes and its ports.

mod cli;
mod exchange;
mod program;
mod serve;
mod world;
