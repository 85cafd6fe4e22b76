//! Which dyno gets a request.

use std::{collections::HashMap, time::Duration};

use domain::route::Condition::{Crashed, Starting, Up};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::sleep,
};

use super::harness::{GET, OK, World, backend, read_head, shop, table};

fn answers(world: &World, index: u16) {
    world.dyno(index, |mut io| async move {
        read_head(&mut io).await;
        io.write_all(OK.as_bytes()).await.unwrap();
    });
}

#[tokio::test(start_paused = true)]
async fn every_dyno_that_is_up_gets_its_share() {
    let world = World::new(shop(vec![backend(1, Up), backend(2, Up), backend(3, Up), backend(4, Up), backend(5, Crashed)]));
    for index in 1..=5 {
        answers(&world, index);
    }
    let mut client = world.connect();
    for _ in 0..400 {
        client.write_all(GET.as_bytes()).await.unwrap();
        read_head(&mut client).await;
        client.read_exact(&mut [0; 5]).await.unwrap();
    }
    let mut counts: HashMap<String, u32> = HashMap::new();
    for event in world.said.all() {
        *counts.entry(event.dyno.unwrap().to_string()).or_default() += 1;
    }
    assert_eq!(counts.len(), 4, "{counts:?}");
    assert!(counts.values().all(|count| (60..=140).contains(count)), "{counts:?}");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_somebody_elses_chance() {
    let world = World::new(shop((1..=8).map(|index| backend(index, Up)).collect()));
    for index in 1..=7 {
        if index == 3 { world.never_answers(index) } else { world.refuses(index) }
    }
    answers(&world, 8);
    for _ in 0..20 {
        assert!(world.exchange(&GET.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")).await.ends_with("hello"));
    }
    assert!(world.said.all().iter().all(|event| event.dyno.as_ref().unwrap().to_string() == "web.8" && event.status == 200));
}

#[tokio::test(start_paused = true)]
async fn ten_attempts_are_enough() {
    let world = World::new(shop((1..=20).map(|index| backend(index, Up)).collect()));
    (1..=20).for_each(|index| world.never_answers(index));
    assert!(world.exchange(GET).await.contains("H19"));
    assert_eq!(world.said.all()[0].connect.unwrap().as_secs(), 50);
}

#[tokio::test(start_paused = true)]
async fn a_request_waits_for_a_boot() {
    let world = World::new(shop(vec![backend(1, Starting)]));
    answers(&world, 1);
    let mut client = world.connect();
    client.write_all(GET.as_bytes()).await.unwrap();
    sleep(Duration::from_secs(7)).await;
    // A table that changes nothing for us wakes nobody up for good.
    world.routes.send(table(shop(vec![backend(1, Starting), backend(2, Crashed)]))).unwrap();
    sleep(Duration::from_secs(60)).await;
    world.routes.send(table(shop(vec![backend(1, Up)]))).unwrap();
    assert!(read_head(&mut client).await.starts_with("HTTP/1.1 200 "));
    client.read_exact(&mut [0; 5]).await.unwrap();
    let line = world.line().await;
    assert!(line.contains(" dyno=web.1 connect=6700"), "{line}");
}

#[tokio::test(start_paused = true)]
async fn a_new_table_leaves_requests_alone() {
    let world = World::new(shop(vec![backend(1, Up)]));
    world.dyno(1, |mut io| async move {
        read_head(&mut io).await;
        io.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe").await.unwrap();
        sleep(Duration::from_secs(10)).await;
        io.write_all(b"llo").await.unwrap();
    });
    answers(&world, 2);
    let mut client = world.connect();
    client.write_all(GET.as_bytes()).await.unwrap();
    read_head(&mut client).await;
    world.routes.send(table(shop(vec![backend(2, Up)]))).unwrap();
    let mut body = [0; 5];
    client.read_exact(&mut body).await.unwrap();
    assert_eq!(&body, b"hello");
    // The same client's next request goes where the new table says.
    client.write_all(GET.as_bytes()).await.unwrap();
    read_head(&mut client).await;
    client.read_exact(&mut body).await.unwrap();
    let dynos: Vec<String> = world.said.all().iter().map(|event| event.dyno.as_ref().unwrap().to_string()).collect();
    assert_eq!(dynos, ["web.1", "web.2"]);
}

#[tokio::test(start_paused = true)]
async fn an_app_that_is_gone_while_a_request_waits() {
    let world = World::new(shop(vec![backend(1, Starting)]));
    let mut client = world.connect();
    client.write_all(GET.as_bytes()).await.unwrap();
    sleep(Duration::from_secs(1)).await;
    world.routes.send_replace(std::sync::Arc::default());
    assert!(read_head(&mut client).await.starts_with("HTTP/1.1 503 "));
    assert!(world.line().await.contains("code=H14"));
}
