//! Fuzzing of every decoder of bytes from outside, on stable Rust.
//!
//! Each [`Target`] is one decoder (or a door with many behind it) with the properties that must hold for any input: no
//! panic, bounded time and memory, and what is read prints and reads back as the same. [`run`] feeds it mutated examples:
//! valid ones made by the code itself, those kept in `corpus/`, and, as a run goes on, whatever made the target answer in a
//! way not seen before. Coverage of branches, which would need a nightly compiler, is replaced by that: a decoder's errors
//! say where it stopped.

mod corpus;
mod mutate;
mod rng;
mod run;
pub mod targets;

pub use corpus::Corpus;
pub use mutate::Shape;
pub use rng::Rng;
pub use run::{Budget, Finding, Report, run};

/// A decoder, and what must hold for whatever it is given.
pub trait Target {
    /// Names its folder of the corpus.
    fn name(&self) -> &'static str;

    /// Valid inputs, made by the code that is tried.
    fn examples(&self) -> Vec<Vec<u8>>;

    /// How inputs are mutated.
    fn shape(&self) -> Shape {
        Shape::Bytes
    }

    /// Pieces that chance would not make: words of the format.
    fn words(&self) -> &'static [&'static str] {
        &[]
    }

    /// Bytes that one input may take from the heap beyond a hundred times its own length.
    fn memory(&self) -> usize {
        16 << 20
    }

    /// Decodes, and returns a short name for how it answered: a new one makes the input worth mutating further.
    ///
    /// # Panics
    /// When a property does not hold; a panic of the decoder itself counts as well.
    fn try_one(&mut self, input: &[u8]) -> String;
}
