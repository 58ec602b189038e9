//! One package as its manifest describes it: name, folder, arrows, vendors, lints.

use toml::{Table, Value};

/// A package of the workspace.
#[derive(Debug)]
pub(crate) struct Package {
    /// Its name, e.g. `host-store`.
    pub(crate) name: String,
    /// Its folder from the root, e.g. `host/store`.
    pub(crate) folder: String,
    /// What it needs to be built: normal and build dependencies, optional ones too.
    pub(crate) needs: Vec<String>,
    /// What its tests and benches need.
    pub(crate) dev_needs: Vec<String>,
    /// Dependencies written with a version or path of their own.
    pub(crate) own_versions: Vec<String>,
    /// Whether the lints are those of the workspace.
    pub(crate) workspace_lints: bool,
}

impl Package {
    /// Reads the manifest in `folder`. Errors: not TOML, or not a package.
    pub(crate) fn parse(folder: &str, text: &str) -> Result<Package, String> {
        let table: Table = text
            .parse()
            .map_err(|error| format!("{folder}/Cargo.toml is no TOML: {error}"))?;
        let name = get(&table, &["package", "name"]).and_then(Value::as_str);
        let mut package = Package {
            name: name
                .ok_or_else(|| format!("{folder}/Cargo.toml names no package"))?
                .to_owned(),
            folder: folder.to_owned(),
            needs: Vec::new(),
            dev_needs: Vec::new(),
            own_versions: Vec::new(),
            workspace_lints: get(&table, &["lints", "workspace"]) == Some(&Value::Boolean(true)),
        };
        package.take(&table);
        let targets = table.get("target").and_then(Value::as_table);
        for target in targets
            .into_iter()
            .flat_map(Table::values)
            .filter_map(Value::as_table)
        {
            package.take(target);
        }
        Ok(package)
    }

    fn take(&mut self, table: &Table) {
        for (key, dev) in [
            ("dependencies", false),
            ("build-dependencies", false),
            ("dev-dependencies", true),
        ] {
            let Some(entries) = table.get(key).and_then(Value::as_table) else {
                continue;
            };
            for (name, value) in entries {
                let kept = if dev {
                    &mut self.dev_needs
                } else {
                    &mut self.needs
                };
                kept.push(name.clone());
                let shared = value
                    .get("workspace")
                    .and_then(Value::as_bool)
                    .unwrap_or(false);
                if !shared {
                    self.own_versions.push(name.clone());
                }
            }
        }
    }

    /// Whether it is one of the packages that test, measure or start the others.
    pub(crate) fn is_outside(&self) -> bool {
        let outside = ["tests", "benches"];
        let top = self.folder.split('/').next();
        top.is_some_and(|top| outside.contains(&top))
    }
}

fn get<'a>(table: &'a Table, path: &[&str]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    rest.iter()
        .try_fold(table.get(*first)?, |value, key| value.get(key))
}
