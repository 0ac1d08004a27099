//! Whole tensors, fast: several operators fused, with the kernel chosen at run time.
//!
//! Tensors are row-major slices. A batch is several sequences one after the other, and `lengths`
//! says how many rows each has; no result depends on its neighbours. Functions split their work
//! over the rayon pool they are called in (`ThreadPool::install`), and do it in place when that
//! pool has one thread or they are [`alone`]: bytes never depend on the number of threads.
//!
//! Every function checks the lengths of its slices and that the processor has the kernel before it
//! touches anything.

mod attention;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod avxvnni;
mod causal;
mod decoder;
mod float;
mod linear;
mod memory;
#[cfg(target_arch = "aarch64")]
mod neon;
mod records;
mod rounding;
mod rows;
mod sample;
mod scalar;
mod threads;
mod tile;
mod unary;
mod weight;

pub use attention::attention;
pub use causal::{causal_attention, Chunk, KeyValues, Rotary};
pub use decoder::{add, lookup, lookup_tied, rms_quantise, swiglu_quantise, RmsNorm};
pub use float::float_products;
pub use linear::{Activation, Linear};
pub use records::{key_value_len, key_value_records};
pub use rows::{
    add_layer_norm, embed, first_pool, l2_normalise, layer_norm, mean_pool, quantise, Embeddings,
    LayerNorm, QuantisedRows, QuantisedRowsMut,
};
pub use sample::{sample, Draw};
pub use threads::alone;
pub use unary::{unary, Unary};
pub use weight::{round_compensated, weight_scale};

use crate::Kernel;
use std::fmt;

/// Why a tensor function did nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KernelError {
    /// This processor lacks the kernel's instructions.
    KernelUnavailable(Kernel),
    /// A slice has the wrong length. It says which.
    WrongLength(&'static str),
    /// A dimension is zero or too large. It says which.
    WrongDimension(&'static str),
    /// A token id is not in the table.
    UnknownToken(u32),
    /// A weight is -128, NaN or infinite. It says which.
    BadWeight(&'static str),
}

impl fmt::Display for KernelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KernelUnavailable(kernel) => {
                write!(f, "this processor cannot run the {kernel} kernel")
            }
            Self::WrongLength(what) => write!(f, "{what} has the wrong length"),
            Self::WrongDimension(what) => write!(f, "{what} is zero or too large"),
            Self::UnknownToken(id) => write!(f, "token id {id} is not in the vocabulary"),
            Self::BadWeight(what) => write!(f, "{what} holds -128, NaN or infinity"),
        }
    }
}

impl std::error::Error for KernelError {}

fn check_kernel(kernel: Kernel) -> Result<(), KernelError> {
    if kernel.is_available() {
        Ok(())
    } else {
        Err(KernelError::KernelUnavailable(kernel))
    }
}

fn check_length(what: &'static str, actual: usize, expected: usize) -> Result<(), KernelError> {
    if actual == expected {
        Ok(())
    } else {
        Err(KernelError::WrongLength(what))
    }
}

/// Rows of a batch.
fn total(lengths: &[usize]) -> Result<usize, KernelError> {
    if lengths.contains(&0) {
        return Err(KernelError::WrongDimension("a sequence"));
    }
    lengths
        .iter()
        .try_fold(0usize, |sum, length| sum.checked_add(*length))
        .ok_or(KernelError::WrongDimension("the batch"))
}

/// `rows * columns`, refusing overflow.
fn area(rows: usize, columns: usize) -> Result<usize, KernelError> {
    rows.checked_mul(columns).ok_or(KernelError::WrongDimension("a tensor"))
}

/// Compiles one body for every kernel. The body is plain code; the instruction set only lets the
/// compiler use wider registers, which changes no byte because nothing is reordered or fused. (Every
/// 64-bit Arm processor has NEON, so that the plain body is compiled with it.)
macro_rules! multiversion {
    ($(#[$meta:meta])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)?
        = $body:path;) => {
        $(#[$meta])*
        #[allow(clippy::too_many_arguments)]
        $vis fn $name(kernel: $crate::Kernel, $($arg: $ty),*) $(-> $ret)? {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2")]
                #[allow(clippy::too_many_arguments)]
                fn avx2($($arg: $ty),*) $(-> $ret)? {
                    $body($($arg),*)
                }
                #[target_feature(enable = "avx2,avxvnni")]
                #[allow(clippy::too_many_arguments)]
                fn avxvnni($($arg: $ty),*) $(-> $ret)? {
                    $body($($arg),*)
                }
                #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
                #[allow(clippy::too_many_arguments)]
                fn avx512($($arg: $ty),*) $(-> $ret)? {
                    $body($($arg),*)
                }
                match kernel {
                    // SAFETY: the processor has the instructions, checked on this line.
                    $crate::Kernel::Avx2 if kernel.is_available() => {
                        return unsafe { avx2($($arg),*) };
                    }
                    // SAFETY: as above.
                    $crate::Kernel::AvxVnni if kernel.is_available() => {
                        return unsafe { avxvnni($($arg),*) };
                    }
                    // SAFETY: as above.
                    $crate::Kernel::Avx512 if kernel.is_available() => {
                        return unsafe { avx512($($arg),*) };
                    }
                    _ => {}
                }
            }
            let _ = kernel;
            $body($($arg),*)
        }
    };
}
use multiversion;
