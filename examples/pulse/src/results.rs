//! The folder of results, with one file for each job. A file is complete or does not exist.

use std::io;
use std::path::{Path, PathBuf};

use tokio::fs;
use tokio::io::AsyncWriteExt as _;

use crate::part::Part;

/// A folder of JSON files.
#[derive(Clone, Debug)]
pub struct Results {
    folder: PathBuf,
}

impl Results {
    pub fn open(folder: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let folder = folder.canonicalize()?;
        Ok(Self { folder })
    }

    /// Returns the path of a job's result, or `None` if the id is not a safe file name, so that no path leaves the
    /// folder.
    pub fn path(&self, job_id: &str) -> Option<PathBuf> {
        file_name(job_id, "json").map(|name| self.folder.join(name))
    }

    /// Returns the path of the schema's output for the result.
    pub fn schema_path(&self, job_id: &str) -> Option<PathBuf> {
        file_name(job_id, "schema.json").map(|name| self.folder.join(name))
    }

    /// Opens or creates the part of the file `path`, once nobody else has it.
    pub async fn part(&self, path: &Path) -> io::Result<Part> {
        Part::open(path.with_extension("part"), path.to_owned()).await
    }

    /// Opens the part of the file `path`, if there is one.
    pub async fn part_left(&self, path: &Path) -> io::Result<Option<Part>> {
        if !path.with_extension("part").exists() {
            return Ok(None);
        }
        self.part(path).await.map(Some)
    }

    /// Writes a temporary file and renames it, so that the file is never incomplete, not even after a crash.
    pub async fn write(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        // Several processes may write the same result.
        let unique = format!("{:016x}.new", rand::random::<u64>());
        let new = path.with_extension(unique);
        let written = async {
            let mut file = fs::File::create(&new).await?;
            file.write_all(content).await?;
            file.sync_all().await?;
            fs::rename(&new, path).await?;
            fs::File::open(&self.folder).await?.sync_all().await
        };
        let result = written.await;
        if result.is_err() {
            let _ = fs::remove_file(&new).await;
        }
        result
    }
}

fn file_name(job_id: &str, extension: &str) -> Option<String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let usable = (1..=100).contains(&job_id.len()) && job_id.bytes().all(plain);
    usable.then(|| format!("{job_id}.{extension}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_does_not_lead_out_of_the_folder() {
        for id in ["", ".", "..", "../x", "a/b", "a\\b", "a\0b", "a.b"] {
            assert_eq!(file_name(id, "json"), None, "{id:?}");
        }
        let name = file_name("123e4567-e89b-12d3-a456-426614174000", "json").unwrap();
        assert_eq!(name, "123e4567-e89b-12d3-a456-426614174000.json");
    }
}
