//! How large volumes are. The client library only reads what engines since API 1.52 answer, so it is asked for here.

use std::{collections::HashMap, path::Path};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::{Request, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use ports::RuntimeError;
use serde::Deserialize;
use tokio::net::UnixStream;

/// A volume on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Usage {
    pub(crate) bytes: u64,
    /// Whether a container has it, running or not.
    pub(crate) in_use: bool,
}

/// All volumes of the engine, by name.
pub(crate) async fn volumes(socket: &Path) -> Result<HashMap<String, Usage>, RuntimeError> {
    read(&get(socket, "/system/df?type=volume").await?).map_err(|error| RuntimeError::Refused(format!("its answer about volumes cannot be read: {error}")))
}

async fn get(socket: &Path, path: &str) -> Result<Bytes, RuntimeError> {
    let unreachable = |error: hyper::Error| RuntimeError::Unreachable(Box::new(error));
    let socket = UnixStream::connect(socket).await.map_err(|error| RuntimeError::Unreachable(Box::new(error)))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(socket)).await.map_err(unreachable)?;
    let talk = async {
        let request =
            Request::get(path).header(header::HOST, "docker").body(Empty::<Bytes>::new()).map_err(|error| RuntimeError::Refused(error.to_string()))?;
        let answer = sender.send_request(request).await.map_err(unreachable)?;
        let status = answer.status();
        let body = answer.into_body().collect().await.map_err(unreachable)?.to_bytes();
        if status.is_success() { Ok(body) } else { Err(RuntimeError::Refused(String::from_utf8_lossy(&body).into_owned())) }
    };
    tokio::select! {
        answer = talk => answer,
        Err(error) = connection => Err(unreachable(error)),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    volumes: Option<Vec<Volume>>,
    /// Since API 1.52.
    volume_usage: Option<VolumeUsage>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct VolumeUsage {
    items: Option<Vec<Volume>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Volume {
    name: String,
    usage_data: Option<UsageData>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UsageData {
    /// -1: not known.
    size: i64,
    ref_count: i64,
}

fn read(answer: &[u8]) -> serde_json::Result<HashMap<String, Usage>> {
    let answer: Answer = serde_json::from_slice(answer)?;
    let volumes = answer.volumes.or_else(|| answer.volume_usage?.items).unwrap_or_default();
    let usage = |data: UsageData| Usage { bytes: u64::try_from(data.size).unwrap_or(0), in_use: data.ref_count > 0 };
    Ok(volumes.into_iter().map(|volume| (volume.name, volume.usage_data.map(usage).unwrap_or_default())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_and_new_engines_are_understood() {
        let volume = r#"{"Name":"a","UsageData":{"RefCount":1,"Size":7}},{"Name":"b","UsageData":{"RefCount":-1,"Size":-1}}"#;
        let expected = HashMap::from([("a".to_owned(), Usage { bytes: 7, in_use: true }), ("b".to_owned(), Usage::default())]);
        for answer in [format!(r#"{{"LayersSize":1,"Volumes":[{volume}]}}"#), format!(r#"{{"VolumeUsage":{{"Items":[{volume}]}}}}"#)] {
            assert_eq!(read(answer.as_bytes()).unwrap(), expected);
        }
        assert_eq!(read(br#"{"Volumes":null}"#).unwrap(), HashMap::new());
    }
}
