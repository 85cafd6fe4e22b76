use super::*;

const FILE: &str = r#"
listen = "127.0.0.1:8080"

[timeouts]
first_byte = "500ms"

[[app]]
name = "shop"
hosts = ["shop.example.com", "*.Shop.example.com"]
dynos = [
  { name = "web.1", address = "127.0.0.1:9101", state = "up" },
  { name = "web.2", address = "127.0.0.1:9102", state = "starting" },
]
maintenance = false
features = ["http-session-affinity", "keep-alive"]
"#;

fn refused(text: &str) -> String {
    parse(text, &mut Ids::default()).unwrap_err().to_string()
}

#[test]
fn a_file_becomes_a_table() {
    let file = parse(FILE, &mut Ids::default()).unwrap();
    assert_eq!((file.listen.port(), file.timeouts.first_byte, file.timeouts.head), (8080, Duration::from_millis(500), Timeouts::HEROKU.head));
    let route = file.table.route("any.shop.example.com").unwrap();
    assert!(Arc::ptr_eq(route, &file.table.hosts["shop.example.com"]));
    assert_eq!(route.web[1].condition, Condition::Starting);
    assert_eq!(route.features, Features { session_affinity: true, keep_alive: true, ..Features::default() });
}

#[test]
fn an_app_keeps_its_id() {
    let mut ids = Ids::default();
    let before = parse(FILE, &mut ids).unwrap().table.hosts["shop.example.com"].app;
    let another = "[[app]]\nname = \"news\"\nhosts = [\"news.example.com\"]\n[[app]]\nname = \"shop\"\nhosts = [\"shop.example.com\"]\n";
    let after = parse(&format!("listen = \"127.0.0.1:1\"\n{another}"), &mut ids).unwrap().table;
    assert_eq!(after.hosts["shop.example.com"].app, before);
    assert_ne!(after.hosts["news.example.com"].app, before);
}

#[test]
fn what_is_wrong_is_said_in_a_sentence() {
    let with = |line: &str| format!("listen = \"127.0.0.1:1\"\n[[app]]\nname = \"shop\"\nhosts = [\"a.test\"]\n{line}\n");
    assert!(refused("lisen = 1").starts_with("line 1: unknown field `lisen`"));
    assert!(refused(&with("maintenance = maybe")).starts_with("line 5: "));
    assert_eq!(refused(&with("features = [\"sticky\"]")), "app \"shop\": there is no feature \"sticky\"");
    assert_eq!(refused(&with("[[app]]\nname = \"news\"\nhosts = [\"A.test\"]")), "app \"news\": host a.test is taken already");
    assert_eq!(refused(&with("[[app]]\nname = \"shop\"\nhosts = []")), "app \"shop\": there is another app of this name");
    assert_eq!(refused(&with("[timeouts]\nhead = \"soon\"")), "[timeouts] head = \"soon\" is no time such as \"30s\" or \"500ms\"");
    assert_eq!(refused(&with("[timeouts]\nhead = \"-1s\"")), "[timeouts] head = \"-1s\" is no time such as \"30s\" or \"500ms\"");
    let dyno = "{ name = \"web.1\", address = \"127.0.0.1:9\", state = \"up\" }";
    assert_eq!(refused(&with(&format!("dynos = [{dyno}, {dyno}]"))), "app \"shop\": there are two dynos web.1");
    assert!(refused(&with(&format!("dynos = [{}]", dyno.replace("up", "idle")))).contains("line 5: unknown variant `idle`"));
}

#[test]
fn hosts_are_names() {
    for good in ["a.test", "*.a.test", "A-b.C_d.test", "localhost", "127.0.0.1"] {
        assert_eq!(host_name(good), Some(good.to_lowercase()), "{good}");
    }
    for bad in ["", "*", "*.", "a..test", "a.*.test", "a.test:80", "a b", "a.test.", "*.*.test"] {
        assert_eq!(host_name(bad), None, "{bad}");
    }
}
