use std::time::Duration;

use ports::{
    Runtime,
    runtime::{Attached, OneOffSpec},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::place::Place;

fn one_off(place: &Place, dyno: &str, command: &str, terminal: Option<(u16, u16)>) -> OneOffSpec {
    OneOffSpec { container: place.spec(dyno, 1, command), terminal }
}

/// Every byte there is, several times, more than any buffer on the way holds.
fn all_bytes() -> Vec<u8> {
    (0..200_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).chain([0, 1, 2, 0, 0, 0, 0, 9, 16, 17, 10]).collect()
}

async fn echo(attached: Attached, sent: Vec<u8>, ready: &[u8]) -> Vec<u8> {
    let Attached { mut output, mut input } = attached;
    let mut start = vec![0; ready.len()];
    output.read_exact(&mut start).await.unwrap();
    assert_eq!(start, ready);
    let expected = sent.len();
    let sending = tokio::spawn(async move {
        input.write_all(&sent).await.unwrap();
        input.flush().await.unwrap();
        input
    });
    let mut received = vec![0; expected];
    tokio::time::timeout(Duration::from_secs(60), output.read_exact(&mut received)).await.expect("all comes back").unwrap();
    let mut input = sending.await.unwrap();
    input.shutdown().await.unwrap();
    let mut rest = Vec::new();
    tokio::time::timeout(Duration::from_secs(60), output.read_to_end(&mut rest)).await.expect("the output ends").unwrap();
    received.extend(rest);
    received
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker"]
async fn pipes_carry_every_byte_and_the_end() {
    let place = Place::new().await;
    let attached = place.docker.run_attached(&one_off(&place, "run.1", "printf ready; cat; exit 3", None)).await.unwrap();
    assert!(place.seen("run.1").await.unwrap().one_off);
    assert!(echo(attached, all_bytes(), b"ready").await == all_bytes());
    assert_eq!(place.docker.wait(&place.key("run.1")).await.unwrap(), Some(3));
    place.docker.ensure_gone(&place.key("run.1"), 1).await.unwrap();
    assert_eq!(place.logs.texts(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker"]
async fn a_terminal_carries_every_byte_too() {
    let place = Place::new().await;
    // Raw, as an editor would set it; the end of the input is then a byte like any other, so `head` counts.
    let command = format!("stty raw -echo; printf ready; head -c {}; exit 5", all_bytes().len());
    let attached = place.docker.run_attached(&one_off(&place, "run.1", &command, Some((100, 30)))).await.unwrap();
    assert!(echo(attached, all_bytes(), b"ready").await == all_bytes());
    assert_eq!(place.docker.wait(&place.key("run.1")).await.unwrap(), Some(5));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker"]
async fn a_terminal_has_its_size_a_prompt_and_an_end() {
    let place = Place::new().await;
    let attached = place
        .docker
        .run_attached(&one_off(&place, "run.1", "read -p 'name? ' name; stty size; echo hello $name; cat; echo over", Some((123, 45))))
        .await
        .unwrap();
    let Attached { mut output, mut input } = attached;
    // A prompt has no line end and must come all the same.
    let mut prompt = [0; 6];
    tokio::time::timeout(Duration::from_secs(30), output.read_exact(&mut prompt)).await.expect("a prompt").unwrap();
    assert_eq!(&prompt, b"name? ");
    input.write_all(b"Ada\r").await.unwrap();
    let mut text = String::new();
    while !text.contains("hello Ada") {
        let mut bytes = [0; 100];
        let read = tokio::time::timeout(Duration::from_secs(30), output.read(&mut bytes)).await.expect("an answer").unwrap();
        text.push_str(std::str::from_utf8(&bytes[..read]).unwrap());
    }
    input.shutdown().await.unwrap();
    tokio::time::timeout(Duration::from_secs(30), output.read_to_string(&mut text)).await.expect("an end").unwrap();
    assert!(text.contains("45 123\r\nhello Ada\r\n") && text.ends_with("over\r\n"), "{text:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker"]
async fn what_it_writes_first_is_not_missed() {
    let place = Place::new().await;
    for n in 1..=5 {
        let dyno = format!("run.{n}");
        let mut attached = place.docker.run_attached(&one_off(&place, &dyno, "echo out; echo error >&2", None)).await.unwrap();
        let mut text = String::new();
        attached.output.read_to_string(&mut text).await.unwrap();
        assert!(text == "out\nerror\n" || text == "error\nout\n", "{text:?}");
        assert_eq!(place.docker.wait(&place.key(&dyno)).await.unwrap(), Some(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker"]
async fn a_window_that_becomes_another_is_seen_inside() {
    let place = Place::new().await;
    let command = "trap 'stty size; exit 0' WINCH; printf ready; while :; do sleep 0.1; done";
    let attached = place.docker.run_attached(&one_off(&place, "run.1", command, Some((80, 24)))).await.unwrap();
    let Attached { mut output, input: _input } = attached;
    let mut ready = [0; 5];
    tokio::time::timeout(Duration::from_secs(30), output.read_exact(&mut ready)).await.expect("it starts").unwrap();
    place.docker.resize(&place.key("run.1"), (132, 50)).await.unwrap();
    let mut text = String::new();
    tokio::time::timeout(Duration::from_secs(30), output.read_to_string(&mut text)).await.expect("an end").unwrap();
    assert_eq!(text, "50 132\r\n");
    // One that has ended, and one that never was, have no window.
    place.docker.resize(&place.key("run.1"), (10, 10)).await.unwrap();
    place.docker.resize(&place.key("run.2"), (10, 10)).await.unwrap();
}
