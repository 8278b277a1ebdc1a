//! Backups that requests ask for: of the moment of the request though writes go on, through any number of
//! interruptions; removed, expired, damaged.

use std::fs;
use std::time::Duration;

use api::Operation;
use serde_json::json;

use crate::server::Server;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

fn name(error: Result<serde_json::Value, (String, String)>) -> String {
    error.expect_err("a refusal").0
}

/// Changes, adds and removes items of a table that has `count` of them.
async fn disturb(server: &Server, table: &str, count: u32, round: u32) {
    for number in 0..count {
        let key = format!("item-{number:05}");
        match (number + round) % 5 {
            0 => server.delete(table, &key).await,
            1 => server.put(table, &key, number + 1000 * round).await,
            2 => {
                server
                    .put(table, &format!("new-{number:05}-{round}"), number)
                    .await
            }
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_shows_the_moment_of_its_request() {
    let server = Server::new().await;
    server.create("source").await;
    for number in 0..3000 {
        server.put("source", &format!("item-{number:05}"), number).await;
    }
    let before = server.items("source", None).await;
    let arn = server.create_backup("source").await;
    // More than a page of the log is held, before the first page of the table is read and between them.
    disturb(&server, "source", 3000, 1).await;
    let runner = server.runner();
    tokio::select! {
        () = runner.run() => unreachable!("it runs for ever"),
        () = async {
            for round in 2..4 {
                disturb(&server, "source", 3000, round).await;
            }
        } => {}
    }
    drop(runner);
    let described = server.wait_for_backup(&arn).await;
    assert_eq!(described["SourceTableDetails"]["ItemCount"], 3000);
    let expected_bytes = described["BackupDetails"]["BackupSizeBytes"].as_u64();
    assert!(
        expected_bytes.is_some_and(|bytes| bytes > 3000 * 10),
        "{described}"
    );

    let answer = server.begin_restore(&arn, "target").await;
    let summary = &answer["TableDescription"]["RestoreSummary"];
    assert_eq!(summary["SourceBackupArn"], arn.as_str());
    assert_eq!(summary["RestoreInProgress"], true);
    assert_eq!(answer["TableDescription"]["TableStatus"], "CREATING");
    server.wait_for_table("target").await;
    assert_eq!(server.items("target", None).await, before);
    assert_eq!(server.items("target", Some("by-group")).await, before);
    server.check().await;
    // Nothing is logged any more for a table without readers.
    let report = engine::check(server.engine.store(), |_| {})
        .await
        .expect("a check");
    assert_eq!(report.log_records, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_interrupted_goes_on() {
    let server = Server::new().await;
    server.create("source").await;
    for number in 0..4000 {
        server.put("source", &format!("item-{number:05}"), number).await;
    }
    let before = server.items("source", None).await;
    let arn = server.create_backup("source").await;
    let interrupted = async |pause_ms| {
        let runner = server.runner();
        let run = tokio::time::timeout(Duration::from_millis(pause_ms), runner.run());
        run.await.expect_err("it runs for ever");
    };
    for round in 0..12 {
        interrupted(1 + round * 2).await;
        disturb(&server, "source", 400, round as u32).await;
    }
    server.wait_for_backup(&arn).await;
    server.begin_restore(&arn, "target").await;
    for round in 0..12 {
        interrupted(1 + round * 2).await;
    }
    server.wait_for_table("target").await;
    assert_eq!(server.items("target", None).await, before);
    server.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn backups_are_listed_and_deleted() {
    let server = Server::new().await;
    server.create("source").await;
    server.create("other").await;
    let mut arns = Vec::new();
    for table in ["source", "other", "source"] {
        server.clock.advance_ms(1000);
        arns.push(server.create_backup(table).await);
    }
    let list = async |request| {
        let answer = server.call(Operation::ListBackups, request).await;
        let summaries = answer["BackupSummaries"].as_array().expect("a list").iter();
        let arns: Vec<String> = summaries
            .map(|summary| summary["BackupArn"].as_str().expect("an ARN").to_owned())
            .collect();
        (arns, answer["LastEvaluatedBackupArn"].clone())
    };
    assert_eq!(list(json!({})).await.0, arns);
    assert_eq!(
        list(json!({"TableName": "source"})).await.0,
        [arns[0].clone(), arns[2].clone()]
    );
    assert_eq!(list(json!({"BackupType": "SYSTEM"})).await.0, [""; 0]);
    let (first, last) = list(json!({"Limit": 2})).await;
    assert_eq!((first.as_slice(), &last), (&arns[..2], &json!(arns[1])));
    let rest = list(json!({"Limit": 2, "ExclusiveStartBackupArn": last})).await;
    assert_eq!(rest, (vec![arns[2].clone()], json!(null)));

    // Neither deleted nor restored before it is complete.
    let by_arn = json!({"BackupArn": arns[0]});
    let refused = server.try_call(Operation::DeleteBackup, by_arn.clone()).await;
    assert_eq!(name(refused), "BackupInUseException");
    let request = json!({"BackupArn": arns[0], "TargetTableName": "target"});
    let refused = server.try_call(Operation::RestoreTableFromBackup, request).await;
    assert_eq!(name(refused), "BackupInUseException");
    for arn in &arns {
        server.wait_for_backup(arn).await;
    }
    let deleted = server.call(Operation::DeleteBackup, by_arn.clone()).await;
    assert_eq!(
        deleted["BackupDescription"]["BackupDetails"]["BackupStatus"],
        "DELETED"
    );
    let refused = server.try_call(Operation::DescribeBackup, by_arn.clone()).await;
    assert_eq!(name(refused), "BackupNotFoundException");
    let refused = server.try_call(Operation::DeleteBackup, by_arn).await;
    assert_eq!(name(refused), "BackupNotFoundException");
    assert_eq!(list(json!({})).await.0, arns[1..]);
    // Its objects go, those of others stay.
    let id = arns[0].rsplit('/').next().expect("an id");
    server
        .run_until(|| async {
            let files = server.directory.files();
            (!files.iter().any(|file| file.contains(id))).then_some(())
        })
        .await;
    server.begin_restore(&arns[2], "target").await;
    server.wait_for_table("target").await;
    server.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_backup_restores_nothing() {
    let server = Server::new().await;
    server.create("source").await;
    server.put("source", "a", 1).await;
    let arn = server.create_backup("source").await;
    server.wait_for_backup(&arn).await;
    let files = server.directory.files();
    let chunk = files
        .iter()
        .find(|file| file.contains("chunks/"))
        .expect("a chunk");
    let path = server.directory.path().join(chunk);
    let whole = fs::read(&path).expect("a chunk");
    let mut damaged = whole.clone();
    *damaged.last_mut().expect("a byte") ^= 1;
    for content in [Some(damaged), None] {
        match content {
            Some(content) => fs::write(&path, content).expect("a file"),
            None => fs::remove_file(&path).expect("a file"),
        }
        server.begin_restore(&arn, "target").await;
        server.wait_until_gone("target").await;
    }
    fs::write(&path, whole).expect("a file");
    server.begin_restore(&arn, "target").await;
    server.wait_for_table("target").await;
    assert_eq!(
        server.items("target", None).await,
        server.items("source", None).await
    );
    server.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_table_leaves_a_backup_for_35_days() {
    let server = Server::new().await;
    server.create("source").await;
    server.enable_recovery("source").await;
    for number in 0..500 {
        server.put("source", &format!("{number}"), number).await;
    }
    let before = server.items("source", None).await;
    server
        .call(Operation::DeleteTable, json!({"TableName": "source"}))
        .await;
    server.wait_until_gone("source").await;
    // A table without recovery leaves none.
    server.create("source").await;
    server
        .call(Operation::DeleteTable, json!({"TableName": "source"}))
        .await;
    server.wait_until_gone("source").await;

    let list = async || {
        let request = json!({"BackupType": "ALL"});
        let answer = server.call(Operation::ListBackups, request).await;
        answer["BackupSummaries"].as_array().expect("a list").clone()
    };
    let [summary] = list().await.try_into().expect("one backup");
    assert_eq!(summary["BackupType"], "SYSTEM");
    assert_eq!(summary["BackupStatus"], "AVAILABLE");
    assert_eq!(summary["BackupName"], "source$DeletedTableBackup");
    let kept = summary["BackupExpiryDateTime"].as_f64().expect("a time")
        - summary["BackupCreationDateTime"].as_f64().expect("a time");
    assert_eq!(kept, (35 * DAY_MS / 1000) as f64);
    let arn = summary["BackupArn"].as_str().expect("an ARN");
    server.begin_restore(arn, "source").await;
    server.wait_for_table("source").await;
    assert_eq!(server.items("source", None).await, before);
    server.clock.advance_ms(35 * DAY_MS);
    server
        .run_until(|| async { list().await.is_empty().then_some(()) })
        .await;
    server
        .run_until(|| async {
            let left = server.directory.files();
            left.is_empty().then_some(())
        })
        .await;
    server.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_may_be_deleted_while_it_is_backed_up() {
    let server = Server::new().await;
    server.create("source").await;
    server.put("source", "a", 1).await;
    let before = server.items("source", None).await;
    let arn = server.create_backup("source").await;
    server.put("source", "a", 2).await;
    server
        .call(Operation::DeleteTable, json!({"TableName": "source"}))
        .await;
    server.wait_for_backup(&arn).await;
    server.wait_until_gone("source").await;
    server.begin_restore(&arn, "source").await;
    server.wait_for_table("source").await;
    assert_eq!(server.items("source", None).await, before);
    server.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_are_not_there_are_told() {
    let server = Server::new().await;
    let request = json!({"TableName": "nowhere", "BackupName": "a-backup"});
    let refused = server.try_call(Operation::CreateBackup, request).await;
    let expected = (
        "TableNotFoundException".to_owned(),
        "Table not found: nowhere".to_owned(),
    );
    assert_eq!(refused.expect_err("a refusal"), expected);
    server.create("source").await;
    let arn = server.create_backup("source").await;
    server.wait_for_backup(&arn).await;
    let request = json!({"BackupArn": arn, "TargetTableName": "source"});
    let refused = server.try_call(Operation::RestoreTableFromBackup, request).await;
    assert_eq!(name(refused), "TableAlreadyExistsException");
    // An ARN counts by its resource part.
    let elsewhere = arn
        .replace(":000000000000:", ":123456789012:")
        .replace("us-east-1", "eu-west-2");
    server
        .call(Operation::DescribeBackup, json!({"BackupArn": elsewhere}))
        .await;
    for wrong in [
        arn.replace("source", "other"),
        format!("{arn}0"),
        arn.replace("backup", "export"),
    ] {
        let refused = server
            .try_call(Operation::DescribeBackup, json!({"BackupArn": wrong}))
            .await;
        assert_eq!(name(refused), "BackupNotFoundException", "{wrong}");
    }
}

/// While the place of backups cannot be used, a backup is tried for an hour, and that of a deleted table
/// until it succeeds.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_without_a_place_is_given_up_but_for_the_last_copy() {
    let server = Server::new().await;
    for name in ["kept", "deleted"] {
        server.create(name).await;
        server.put(name, "a", 1).await;
    }
    server.enable_recovery("deleted").await;
    let before = server.items("deleted", None).await;
    let place = server.directory.path().join("backups");
    fs::write(&place, "no directory").expect("a file");
    server.create_backup("kept").await;
    server
        .call(Operation::DeleteTable, json!({"TableName": "deleted"}))
        .await;
    let list = async || {
        let answer = server
            .call(Operation::ListBackups, json!({"BackupType": "ALL"}))
            .await;
        let summaries = answer["BackupSummaries"].as_array().expect("a list").clone();
        let mut types: Vec<String> = summaries
            .iter()
            .map(|summary| summary["BackupType"].to_string())
            .collect();
        types.sort();
        types
    };
    for is_over in [false, true] {
        if is_over {
            server.clock.advance_ms(60 * 60 * 1000 + 1);
        }
        let run = server.runner();
        let run = tokio::time::timeout(Duration::from_millis(300), run.run());
        run.await.expect_err("it runs for ever");
        let expected = match is_over {
            true => vec!["\"SYSTEM\""],
            false => vec!["\"SYSTEM\"", "\"USER\""],
        };
        assert_eq!(list().await, expected);
    }
    let described = server
        .call(Operation::DescribeTable, json!({"TableName": "deleted"}))
        .await;
    assert_eq!(described["Table"]["TableStatus"], "DELETING");
    fs::remove_file(&place).expect("a file");
    server.wait_until_gone("deleted").await;
    let answer = server
        .call(Operation::ListBackups, json!({"BackupType": "SYSTEM"}))
        .await;
    let arn = answer["BackupSummaries"][0]["BackupArn"]
        .as_str()
        .expect("an ARN")
        .to_owned();
    server.begin_restore(&arn, "deleted").await;
    server.wait_for_table("deleted").await;
    assert_eq!(server.items("deleted", None).await, before);
    server.check().await;
}
