use super::*;

fn read(text: &str) -> BuildpackRef {
    text.parse().unwrap_or_else(|why| panic!("{text}: {why}"))
}

#[test]
fn every_way_to_name_a_buildpack() {
    for (text, shown, urn) in [
        ("heroku/nodejs", "heroku/nodejs", "urn:buildpack:heroku/nodejs"),
        ("urn:buildpack:heroku/nodejs", "heroku/nodejs", "urn:buildpack:heroku/nodejs"),
        ("https://buildpack-registry.s3.amazonaws.com/buildpacks/emk/rust.tgz", "emk/rust", "urn:buildpack:emk/rust"),
        ("https://codon-buildpacks.s3.amazonaws.com/buildpacks/heroku/ruby.tgz", "heroku/ruby", "urn:buildpack:heroku/ruby"),
        (" https://github.com/a/b ", "https://github.com/a/b", "https://github.com/a/b"),
        ("https://github.com/a/b.git#v1.2/x", "https://github.com/a/b.git#v1.2/x", "https://github.com/a/b.git#v1.2/x"),
        ("git://example.com/b.git#", "git://example.com/b.git", "git://example.com/b.git"),
        ("http://10.0.0.1:8000/b.git", "http://10.0.0.1:8000/b.git", "http://10.0.0.1:8000/b.git"),
        ("https://example.com/b.tar.gz?sig=a%20b", "https://example.com/b.tar.gz?sig=a%20b", "https://example.com/b.tar.gz?sig=a%20b"),
    ] {
        let buildpack = read(text);
        assert_eq!((buildpack.to_string().as_str(), buildpack.urn().as_str()), (shown, urn), "{text}");
        assert_eq!(read(&buildpack.expose()), buildpack);
    }
    assert!(matches!(read("https://example.com/b.tgz"), BuildpackRef::Archive(_)));
    assert!(matches!(read("git://example.com/b.tgz"), BuildpackRef::Git(_)));
    let BuildpackRef::Git(git) = read("https://github.com/a/b#main") else { panic!() };
    assert_eq!(git.reference.as_deref(), Some("main"));
    let BuildpackRef::Catalogue(name) = read("emk/rust") else { panic!() };
    assert_eq!(name.registry_url().plain(), "https://buildpack-registry.s3.amazonaws.com/buildpacks/emk/rust.tgz");
}

/// Hostile inputs 15–19.
#[test]
fn what_could_run_or_read_something_else_is_refused() {
    for (text, why) in [
        ("", InvalidBuildpack::Malformed),
        ("/etc", InvalidBuildpack::Malformed),
        ("nodejs", InvalidBuildpack::Name),
        ("-u/x", InvalidBuildpack::Name),
        ("heroku/../x", InvalidBuildpack::Name),
        ("heroku/$(id)", InvalidBuildpack::Name),
        ("urn:buildpack:x", InvalidBuildpack::Name),
        ("ext::sh -c touch% /tmp/c", InvalidBuildpack::Scheme),
        ("file:///etc", InvalidBuildpack::Scheme),
        ("ssh://-oProxyCommand=touch/x", InvalidBuildpack::Scheme),
        ("git@github.com:a/b.git", InvalidBuildpack::Scheme),
        ("--upload-pack=touch:x", InvalidBuildpack::Scheme),
        ("HTTPS://example.com/x", InvalidBuildpack::Scheme),
        ("https://-oProxyCommand=touch/x", InvalidBuildpack::Host),
        ("https://user@-x/y", InvalidBuildpack::Host),
        ("https:///x", InvalidBuildpack::Host),
        ("https://a@b@c/x", InvalidBuildpack::Host),
        ("https://example.com/a'b", InvalidBuildpack::Characters),
        ("https://example.com/a\"b", InvalidBuildpack::Characters),
        ("https://example.com/a\nb", InvalidBuildpack::Characters),
        ("https://example.com/a b", InvalidBuildpack::Characters),
        ("https://example.com/$(id)", InvalidBuildpack::Characters),
        ("https://example.com/\u{202e}x", InvalidBuildpack::Characters),
        ("https://example.com/a#--upload-pack=x", InvalidBuildpack::Reference),
        ("https://example.com/a#a..b", InvalidBuildpack::Reference),
        ("https://example.com/a#a b", InvalidBuildpack::Reference),
        ("https://example.com/a#a:b", InvalidBuildpack::Reference),
    ] {
        assert_eq!(text.parse::<BuildpackRef>(), Err(why), "{text:?}");
    }
    assert_eq!(format!("a/{}", "x".repeat(2000)).parse::<BuildpackRef>(), Err(InvalidBuildpack::TooLong));
}

/// Hostile inputs 15–19.
#[test]
fn credentials_are_kept_and_never_shown() {
    let buildpack = read("https://user:pa%40ss@example.com:8443/b.git#main");
    assert_eq!(buildpack.to_string(), "https://****@example.com:8443/b.git#main");
    assert_eq!(buildpack.urn(), buildpack.to_string());
    assert_eq!(format!("{buildpack:?}"), buildpack.to_string());
    assert_eq!((buildpack.hidden().to_string(), buildpack.hidden().expose()), (buildpack.to_string(), buildpack.to_string()));
    assert_eq!(buildpack.expose(), "https://user:pa%40ss@example.com:8443/b.git#main");
    let url = buildpack.url().unwrap();
    assert_eq!(url.plain(), "https://example.com:8443/b.git");
    assert_eq!(url.secrets(), ["user:pa%40ss", "pa%40ss"]);
    assert_eq!(url.bases().unwrap(), ("https://user:pa%40ss@example.com:8443/".to_owned(), "https://example.com:8443/".to_owned()));
    assert_eq!(read("https://token@example.com/b").url().unwrap().secrets(), ["token"]);
}

#[test]
fn a_list_that_comes_back_hidden_keeps_its_credentials() {
    let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
    let before = replaced(&[], &texts(&["heroku/nodejs", "https://user:secret@example.com/b"])).unwrap();
    let after = replaced(&before, &texts(&["heroku/python", "https://****@example.com/b"])).unwrap();
    assert_eq!(after[1].expose(), "https://user:secret@example.com/b");
    assert_eq!(replaced(&[], &texts(&["https://****@example.com/b"])), Err(InvalidBuildpack::Hidden));
    assert_eq!(replaced(&[], &texts(&["heroku/go", "urn:buildpack:heroku/go"])), Err(InvalidBuildpack::Twice));
    assert_eq!(replaced(&[], &vec!["heroku/go".to_owned(); 51]), Err(InvalidBuildpack::TooMany));
    assert_eq!(replaced(&before, &[]), Ok(vec![]));
}

#[test]
fn a_config_var_comes_before_the_list() {
    let config = |value: &str| ConfigVars::default().changed(&[("BUILDPACK_URL".to_owned(), Some(value.to_owned()))].into()).unwrap();
    let installed = vec![read("heroku/nodejs"), read("heroku/python")];
    assert_eq!(for_build(&config("heroku/go"), installed.clone()), Ok(vec![read("heroku/go")]));
    assert_eq!(for_build(&config(" "), installed.clone()), Ok(installed.clone()));
    assert_eq!(for_build(&ConfigVars::default(), installed.clone()), Ok(installed.clone()));
    assert_eq!(for_build(&config("file:///etc"), installed), Err(InvalidBuildpack::Scheme));
}
