//! Second factors: sealed, and each code good once.

use domain::two_factor::{RecoveryCode, SecondFactor, Step, TotpSecret};

use super::support::{Fixture, now, rows};

databases::on_both!(a_second_factor_comes_back_and_its_secret_is_in_no_file, a_code_is_used_once, it_goes_with_its_account);

fn factor() -> SecondFactor {
    SecondFactor { secret: TotpSecret::new(*b"planted-totp-secret!"), enabled_at: None, used: Step(5) }
}

async fn a_second_factor_comes_back_and_its_secret_is_in_no_file() {
    let it = Fixture::new().await;
    let (ada, bob) = (it.account("ada@example.com").await, it.account("bob@example.com").await);
    let mut tx = it.write().await;
    tx.set_second_factor(ada.id, &factor()).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = it.write().await;
    assert!(tx.second_factor(ada.id).await.unwrap() == Some(factor()) && tx.second_factor(bob.id).await.unwrap().is_none());
    assert_eq!(tx.second_factor_enabled_at(ada.id).await.unwrap(), None, "begun is not enabled");
    let enabled = SecondFactor { enabled_at: Some(now()), ..factor() };
    tx.set_second_factor(ada.id, &enabled).await.unwrap();
    let code = RecoveryCode::new(*b"planted-rc");
    tx.set_recovery_codes(ada.id, &[code.hash(ada.id)]).await.unwrap();
    assert!(tx.second_factor(ada.id).await.unwrap() == Some(enabled));
    assert_eq!(tx.second_factor_enabled_at(ada.id).await.unwrap(), Some(now()));
    // Another account's secret does not open here.
    tx.set_second_factor(bob.id, &factor()).await.unwrap();
    tx.sql("UPDATE second_factors SET sealed = (SELECT sealed FROM second_factors WHERE account_id = $1)").id(ada.id).execute().await.unwrap();
    assert!(tx.second_factor(bob.id).await.is_err());
    tx.commit().await.unwrap();
    let text = databases::on_disk(it.dir.path()).await;
    assert!(text.contains("ada@example.com") && !text.contains("planted-totp-secret") && !text.contains("planted-rc"));
}

async fn a_code_is_used_once() {
    let it = Fixture::new().await;
    let (ada, bob) = (it.account("ada@example.com").await, it.account("bob@example.com").await);
    let mut tx = it.write().await;
    assert!(!tx.use_step(ada.id, Step(6)).await.unwrap(), "there is no second factor");
    tx.set_second_factor(ada.id, &factor()).await.unwrap();
    for (step, first) in [(5, false), (7, true), (7, false), (6, false), (8, true)] {
        assert_eq!(tx.use_step(ada.id, Step(step)).await.unwrap(), first, "{step}");
    }
    let code = |n: u8| RecoveryCode::new([n; 10]).hash(ada.id);
    tx.set_recovery_codes(ada.id, &[code(1), code(2)]).await.unwrap();
    tx.set_recovery_codes(bob.id, &[code(1)]).await.unwrap();
    for (n, good, left) in [(1, true, 1), (1, false, 1), (3, false, 1), (2, true, 0)] {
        assert_eq!((tx.use_recovery_code(ada.id, code(n)).await.unwrap(), tx.count_recovery_codes(ada.id).await.unwrap()), (good, left), "{n}");
    }
    assert_eq!(tx.count_recovery_codes(bob.id).await.unwrap(), 1);
    tx.set_recovery_codes(bob.id, &[code(4), code(5)]).await.unwrap();
    assert!(!tx.use_recovery_code(bob.id, code(1)).await.unwrap(), "others took its place");
    assert!(tx.delete_second_factor(ada.id).await.unwrap() && !tx.delete_second_factor(ada.id).await.unwrap());
    assert_eq!((rows(&mut tx, "second_factors").await, rows(&mut tx, "recovery_codes").await), (0, 2));
}

async fn it_goes_with_its_account() {
    let it = Fixture::new().await;
    let ada = it.account("ada@example.com").await;
    let mut tx = it.write().await;
    tx.set_second_factor(ada.id, &factor()).await.unwrap();
    tx.set_recovery_codes(ada.id, &[[1; 32]]).await.unwrap();
    tx.delete_account(ada.id, &"former-x@deleted.invalid".parse().unwrap()).await.unwrap();
    assert_eq!((rows(&mut tx, "second_factors").await, rows(&mut tx, "recovery_codes").await), (0, 0));
}
