//! The folder of results: one file for each job, which is whole or not there.

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

    /// Where the result of a job is. `None` if the id cannot be a file name: it must not lead out of the folder.
    pub fn path(&self, job_id: &str) -> Option<PathBuf> {
        file_name(job_id, "json").map(|name| self.folder.join(name))
    }

    /// Where what the schema found in the result is.
    pub fn schema_path(&self, job_id: &str) -> Option<PathBuf> {
        file_name(job_id, "schema.json").map(|name| self.folder.join(name))
    }

    /// Opens what was received for the file `path`, or begins it, once no other has it.
    pub async fn part(&self, path: &Path) -> io::Result<Part> {
        Part::open(path.with_extension("part"), path.to_owned()).await
    }

    /// Opens what was received for the file `path`, if anything was.
    pub async fn part_left(&self, path: &Path) -> io::Result<Option<Part>> {
        if !path.with_extension("part").exists() {
            return Ok(None);
        }
        self.part(path).await.map(Some)
    }

    /// Writes a file beside, and renames it: nobody sees half of it, not even after a crash.
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
