use serde_json::json;

use crate::support::{Home, Server};
use crate::{bodies, support};

fn report() -> serde_json::Value {
    let digest = "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9";
    json!({"bytes": 3_145_728, "garbage": [
        {"kind": "slug", "name": digest, "app": "shop", "bytes": 2_097_152, "reason": "no release that can be gone back to has it"},
        {"kind": "build-cache", "name": "cache", "app": null, "bytes": 1_048_576, "reason": "its app is gone"},
    ]})
}

#[test]
fn gc_lists_or_removes() {
    let server = Server::with(vec![("GET /mypaas/garbage", report()), ("POST /mypaas/garbage/actions/collect", report())]);
    let home = Home::at(&server);
    let rows = "slug         b94d27b9934d  shop  2 MB  no release that can be gone back to has it\n\
                build-cache  cache         -     1 MB  its app is gone\n\
                Total: 2 things, 3 MB\n";
    let dry = home.mypaas(&["gc", "--dry-run"]);
    assert_eq!((dry.status, dry.out.as_str(), dry.err.as_str()), (0, rows, ""));
    assert_eq!(server.calls(), ["GET /mypaas/garbage"]);
    let wet = home.mypaas(&["gc"]);
    assert_eq!((wet.status, wet.out.as_str(), wet.err.as_str()), (0, rows, "Removing what is not needed any more... done, 3 MB freed\n"));
    let json: serde_json::Value = serde_json::from_str(&home.mypaas(&["gc", "--dry-run", "--json"]).out).unwrap();
    assert_eq!(json["bytes"], 3_145_728);
}

#[test]
fn who_is_no_admin_reads_why() {
    let server = Server::start(|_, _| support::error(403, r#"{"id":"forbidden","message":"Only admins of this platform may do that."}"#));
    let said = Home::at(&server).mypaas(&["gc"]);
    assert_eq!((said.status, said.out.as_str()), (1, ""));
    assert!(said.err.contains("Only admins of this platform may do that."), "{}", said.err);
}

#[test]
fn the_disk_by_kind_and_app() {
    let disk = json!({"free_bytes": 45_097_156_608_u64, "floor_bytes": 1_073_741_824, "kinds": [{"kind": "slug", "count": 12, "bytes": 2_097_152}],
                      "apps": [{"name": "shop", "bytes": 1_048_576}]});
    let server = Server::with(vec![("GET /mypaas/disk", disk)]);
    let said = Home::at(&server).mypaas(&["admin:disk"]);
    assert_eq!(
        said.out, "=== Disk\n\nfree      42 GB  builds are refused below 1 GB\nslug  12  2 MB   built apps\n\n=== Apps that take most\n\nshop  1 MB\n",
        "{}",
        said.err
    );
}

#[test]
fn stacks_with_the_apps_own_marked_and_set() {
    let stack = |name: &str, older: u64| {
        json!({"created_at": "2012-01-01T12:00:00Z", "default": name == "heroku-24", "id": name, "name": name, "state": "public", "updated_at": "2012-01-01T12:00:00Z",
               "base": {"image": "x", "image_id": "sha256:408e89eed3766928358a", "variant": "runtimes", "dynos": 1, "dynos_on_older": older}})
    };
    let bare = json!({"created_at": "2012-01-01T12:00:00Z", "default": false, "id": "1", "name": "debian-12", "state": "public", "updated_at": "2012-01-01T12:00:00Z"});
    let mut changed = bodies::app("shop", "http://x/shop.git");
    changed["build_stack"]["name"] = "heroku-22".into();
    let server = Server::with(vec![
        ("GET /stacks", json!([bare, stack("heroku-22", 0), stack("heroku-24", 2)])),
        ("GET /apps/shop", bodies::app("shop", "http://x/shop.git")),
        ("PATCH /apps/shop", changed),
    ]);
    let home = Home::at(&server);
    let expected = "=== ⬢ shop Available Stacks\n
\x20 debian-12  image missing on the server
\x20 heroku-22  runtimes                     408e89eed376  2012/01/01 12:00:00 +0000
* heroku-24  runtimes                     408e89eed376  2012/01/01 12:00:00 +0000  2 dynos on older images\n";
    assert_eq!(home.mypaas(&["stacks"]).out, expected);
    let said = home.mypaas(&["stacks:set", "heroku-22"]);
    assert_eq!(server.request("PATCH /apps/shop").body, r#"{"build_stack":"heroku-22"}"#);
    assert_eq!(
        said.err,
        "Setting stack to heroku-22... done\nYou will need to redeploy ⬢ shop for the change to take effect.\n\
         Run git push mypaas main to create a new release on ⬢ shop.\n"
    );
}
