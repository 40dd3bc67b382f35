//! The settings of the developer's machine: the environment, then `.env`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use shared::config::DEVELOPMENT_SECRET;

use crate::origins;
use crate::template::Template;

/// Variables by name. An empty value means unset.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    variables: BTreeMap<String, String>,
}

impl Settings {
    /// The environment of this process, and the `.env` file of the repository.
    ///
    /// # Errors
    ///
    /// If `.env` exists but cannot be read.
    pub fn from_env() -> Result<Settings> {
        let mut variables = BTreeMap::new();
        let path = repository().join(".env");
        if path.exists() {
            for pair in dotenvy::from_path_iter(&path)? {
                let (name, value) = pair.with_context(|| format!("reading {}", path.display()))?;
                variables.insert(name, value);
            }
        }
        for (name, value) in std::env::vars_os() {
            if let (Ok(name), Ok(value)) = (name.into_string(), value.into_string()) {
                variables.insert(name, value);
            }
        }
        Ok(Settings { variables })
    }

    /// The value of a variable.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Sets a variable.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Settings {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The secret that signs tokens: the configured one, or the public development secret.
    #[must_use]
    pub fn secret(&self) -> &str {
        self.get("BETTER_AUTH_SECRET").unwrap_or(DEVELOPMENT_SECRET)
    }

    /// The template, with its parameters set from the variables.
    ///
    /// # Errors
    ///
    /// If a variable has an invalid value (the message names it), or the template cannot be
    /// read.
    pub fn template(&self) -> Result<Template> {
        let origins = origins::parameter(self.get("BETTER_AUTH_URL").unwrap_or_default())?;
        let parameters = BTreeMap::from([
            ("BetterAuthUrl".to_owned(), origins),
            ("McpResource".to_owned(), self.get("MCP_RESOURCE").unwrap_or_default().to_owned()),
            // Any name will do: functions get the secret from these settings.
            ("BetterAuthSecretName".to_owned(), "local".to_owned()),
        ]);
        Template::read(&repository().join("template.yaml"), &parameters)
    }
}

/// The root folder of the repository that this program was built in.
#[must_use]
pub fn repository() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_owned()
}
