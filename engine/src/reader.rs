//! Takes tensors out of a verified package, and gives back the memory that they were read through.

use crate::{
    kernels::as_i8,
    package::{weights, Package, WEIGHTS},
    Error, Result,
};
use vigil_ops::{
    tensor::Linear,
    weights::{Module, Part, TensorId, TensorSpec, Weights},
    Kernel,
};

/// The tensors of a package.
pub(crate) struct Reader<'a> {
    package: &'a Package,
    kernel: Kernel,
    weights: Weights,
    header: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(package: &'a Package, kernel: Kernel) -> Self {
        let architecture = package.architecture();
        let header = weights::header(architecture).len();
        // Verification has read all of it. What is laid out comes back, piece by piece.
        package.release(package.weights());
        Self { package, kernel, weights: Weights::new(architecture), header }
    }

    /// A projection, packed for the kernel. It has a bias where the architecture has one.
    pub(crate) fn linear(&self, module: Module) -> Result<Linear> {
        let scale = self.floats(module, Part::Scale)?; // (outputs)
        let bias = self.weights.find(TensorId { module, part: Part::Bias });
        let bias = bias.map(|_| self.floats(module, Part::Bias)).transpose()?; // (outputs)
        let weight = as_i8(self.bytes(module)?); // (outputs, inputs)
        let linear = Linear::new(self.kernel, weight, &scale, bias.as_deref())
            .map_err(|refused| self.bad(format!("{module:?}: {refused}")))?;
        self.release(module);
        Ok(linear)
    }

    /// A table of int8 rows with their scales.
    pub(crate) fn table(&self, module: Module) -> Result<(Vec<i8>, Vec<f32>)> {
        let weight = as_i8(self.bytes(module)?).to_vec();
        self.release(module);
        Ok((weight, self.floats(module, Part::Scale)?))
    }

    /// A tensor of floats.
    pub(crate) fn floats(&self, module: Module, part: Part) -> Result<Vec<f32>> {
        let bytes = self.tensor(TensorId { module, part })?;
        Ok(bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect())
    }

    /// A matrix, int8.
    pub(crate) fn bytes(&self, module: Module) -> Result<&'a [u8]> {
        self.tensor(TensorId { module, part: Part::Weight })
    }

    fn tensor(&self, id: TensorId) -> Result<&'a [u8]> {
        let spec: TensorSpec = self
            .weights
            .find(id)
            .ok_or_else(|| self.bad(format!("the architecture has no tensor {id}")))?;
        let data = self.package.weights().get(self.header..).unwrap_or_default();
        weights::slice(data, &spec).map_err(|what| self.bad(what))
    }

    /// Lets the pages of a matrix go: it has been copied.
    fn release(&self, module: Module) {
        if let Ok(bytes) = self.bytes(module) {
            self.package.release(bytes);
        }
    }

    fn bad(&self, what: String) -> Error {
        Error::package_at(&self.package.dir().join(WEIGHTS), what)
    }
}
