use std::os::fd::AsFd;

use super::*;

fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

#[tokio::test]
async fn words_arrive_whole_with_their_sockets_and_the_end_is_noticed() {
    let (here, there) = Channel::pair().unwrap();
    let there = Channel::of(there).unwrap();
    let socket = listener();
    here.send("listener apps", Some(socket.as_fd())).await.unwrap();
    here.send("all", None).await.unwrap();
    let (word, came) = there.receive().await.unwrap().unwrap();
    assert_eq!((word.as_str(), TcpListener::from(came.unwrap()).local_addr().unwrap()), ("listener apps", socket.local_addr().unwrap()));
    let (word, none) = there.receive().await.unwrap().unwrap();
    assert_eq!((word.as_str(), none.is_none()), ("all", true));

    let copy = there.copy().unwrap();
    drop(there);
    let mut ended = std::pin::pin!(here.receive());
    tokio::select! {
        biased;
        ended = &mut ended => panic!("somebody still holds the other end: {ended:?}"),
        () = tokio::task::yield_now() => {}
    }
    drop(copy);
    assert!(ended.await.unwrap().is_none());
    assert!(here.send("lead", None).await.is_err());
}

#[test]
fn sockets_are_taken_by_what_they_are_for_and_where() {
    let [one, other, api] = [listener(), listener(), listener()];
    let [at, api_at] = [&one, &api].map(|listener| listener.local_addr().unwrap());
    let mut before = Predecessor { listeners: vec![(Role::Apps, one), (Role::Apps, other), (Role::Api, api)], ..Predecessor::default() };
    assert!(before.take(Role::Ssh, at).is_empty() && before.take(Role::Apps, api_at).is_empty());
    assert!(before.take(Role::Apps, ([127, 0, 0, 2], 0).into()).is_empty());
    assert_eq!(before.take(Role::Apps, at).len(), 1);
    assert_eq!(before.take(Role::Apps, ([127, 0, 0, 1], 0).into()).len(), 1);
    assert_eq!(before.take_one(Role::Api, api_at).unwrap().local_addr().unwrap(), api_at);
    assert!(before.listeners.is_empty());
}
