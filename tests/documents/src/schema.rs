//! The UBL 2.1 schema in process. Knows no profile.

use std::path::Path;

use xsd_schema::validation::{CollectingValidationSink, SchemaValidator, ValidationFlags, drive_quick_xml};
use xsd_schema::{SchemaSet, SchemaSetBuilder};

/// The compiled schema of invoices. Making the validator is the dear part: it compiles every content model.
pub struct Schema {
    set: &'static SchemaSet,
    validator: SchemaValidator<'static>,
}

impl std::fmt::Debug for Schema {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Schema(UBL-Invoice-2.1)")
    }
}

impl Schema {
    /// Compiles the schema under a directory that has `maindoc` and `common`.
    ///
    /// # Errors
    /// A file that is missing or broken.
    pub fn load(directory: &Path) -> Result<Self, String> {
        let main = directory.join("maindoc/UBL-Invoice-2.1.xsd");
        let set = SchemaSetBuilder::new()
            .add("", &main.display().to_string())
            .and_then(SchemaSetBuilder::compile)
            .map_err(|error| format!("{}: {error}", main.display()))?;
        // The validator borrows the set, and both live as long as the program: one for each thread.
        let set: &'static SchemaSet = Box::leak(Box::new(set.into_schema_set()));
        Ok(Self { set, validator: SchemaValidator::new(set, ValidationFlags::default()) })
    }

    /// Whether the document is valid.
    ///
    /// # Errors
    /// Everything that the schema has against it.
    pub fn check(&self, xml: &[u8]) -> Result<(), String> {
        let (mut errors, mut warnings) = (Vec::new(), Vec::new());
        let sink = CollectingValidationSink { errors: &mut errors, warnings: &mut warnings };
        let mut runtime = self.validator.start_run(sink);
        let driven = drive_quick_xml(xml, &mut runtime, self.set).map(|_| ());
        drop(runtime);
        driven.map_err(|error| error.to_string())?;
        if errors.is_empty() {
            return Ok(());
        }
        let place = |error: &xsd_schema::validation::ValidationError| {
            format!("{error} at {:?}", error.instance_path().as_ref().map(ToString::to_string))
        };
        Err(errors.iter().map(place).collect::<Vec<_>>().join("; "))
    }
}
