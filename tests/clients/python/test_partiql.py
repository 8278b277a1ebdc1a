"""PartiQL with boto3 and the AWS CLI: the same items by statements."""

import boto3
import pytest
from botocore.exceptions import ClientError

from tables import make_table


@pytest.fixture
def music(client, dynamodb):
    make_table(dynamodb, "Music", "Artist", "SongTitle")
    for number in range(1, 6):
        client.execute_statement(
            Statement="INSERT INTO \"Music\" VALUE {'Artist': ?, 'SongTitle': ?, 'Plays': ?}",
            Parameters=[{"S": "Acme"}, {"S": f"Song {number}"}, {"N": str(number * 10)}],
        )
    return client


def titles(answer):
    return [item["SongTitle"]["S"] for item in answer["Items"]]


def test_select_by_key_and_by_condition(music):
    answer = music.execute_statement(
        Statement='SELECT SongTitle, Plays FROM "Music" WHERE Artist = ? AND SongTitle = ?',
        Parameters=[{"S": "Acme"}, {"S": "Song 2"}],
    )
    assert answer["Items"] == [{"SongTitle": {"S": "Song 2"}, "Plays": {"N": "20"}}]
    answer = music.execute_statement(
        Statement="SELECT * FROM \"Music\" WHERE Artist = 'Acme' AND Plays BETWEEN 20 AND 40 ORDER BY SongTitle DESC"
    )
    assert titles(answer) == ["Song 4", "Song 3", "Song 2"]


def test_pages_by_token(music):
    statement = "SELECT * FROM \"Music\" WHERE Artist = 'Acme'"
    found, request = [], {"Statement": statement, "Limit": 2}
    while True:
        answer = music.execute_statement(**request)
        found += titles(answer)
        if "NextToken" not in answer:
            break
        request["NextToken"] = answer["NextToken"]
    assert found == [f"Song {number}" for number in range(1, 6)]


def test_update_and_delete_of_one_item(music):
    key = "WHERE Artist = 'Acme' AND SongTitle = 'Song 1'"
    answer = music.execute_statement(
        Statement=f"UPDATE \"Music\" SET Plays = Plays + 1 SET Tags = <<'new'>> {key} RETURNING ALL NEW *"
    )
    assert answer["Items"][0]["Plays"] == {"N": "11"}
    assert answer["Items"][0]["Tags"] == {"SS": ["new"]}
    with pytest.raises(music.exceptions.ConditionalCheckFailedException):
        music.execute_statement(Statement=f'DELETE FROM "Music" {key} AND Plays > 100')
    music.execute_statement(Statement=f'DELETE FROM "Music" {key}')
    assert len(music.scan(TableName="Music")["Items"]) == 4


def test_a_duplicate_is_refused(music):
    with pytest.raises(music.exceptions.DuplicateItemException):
        music.execute_statement(Statement="INSERT INTO \"Music\" VALUE {'Artist': 'Acme', 'SongTitle': 'Song 1'}")


def test_a_statement_that_is_not_well_formed(music):
    with pytest.raises(ClientError) as refused:
        music.execute_statement(Statement='SELECT * FROM "Music" WHERE')
    error = refused.value.response["Error"]
    assert error["Code"] == "ValidationException"
    assert error["Message"] == "Statement wasn't well formed, can't be processed: Unexpected term"


def test_a_batch_answers_for_each_statement(music):
    answer = music.batch_execute_statement(
        Statements=[
            {"Statement": "SELECT Plays FROM \"Music\" WHERE Artist = 'Acme' AND SongTitle = 'Song 3'"},
            {"Statement": "SELECT Plays FROM \"Music\" WHERE Artist = 'Acme'"},
        ]
    )
    found, refused = answer["Responses"]
    assert found == {"TableName": "Music", "Item": {"Plays": {"N": "30"}}}
    assert refused["Error"]["Code"] == "ValidationError"


def test_a_transaction_is_made_or_not(music):
    add = "UPDATE \"Music\" SET Plays = Plays + 5 WHERE Artist = 'Acme' AND SongTitle = 'Song 4'"
    check = "EXISTS(SELECT * FROM \"Music\" WHERE Artist = 'Acme' AND SongTitle = 'Song 5' AND Plays = {})"
    statements = [{"Statement": add}, {"Statement": check.format(50)}]
    music.execute_transaction(TransactStatements=statements)
    statements[1] = {"Statement": check.format(51)}
    with pytest.raises(music.exceptions.TransactionCanceledException) as cancelled:
        music.execute_transaction(TransactStatements=statements)
    reasons = cancelled.value.response["CancellationReasons"]
    assert [reason["Code"] for reason in reasons] == ["None", "ConditionalCheckFailed"]
    song = {"Artist": {"S": "Acme"}, "SongTitle": {"S": "Song 4"}}
    assert music.get_item(TableName="Music", Key=song)["Item"]["Plays"] == {"N": "45"}


def test_statements_with_the_cli(aws):
    make_table(boto3.resource("dynamodb", endpoint_url=aws.endpoint), "Music", "Artist", "SongTitle")
    aws("execute-statement", "--statement", "INSERT INTO Music VALUE {'Artist': 'Acme', 'SongTitle': 'It''s'}")
    answer = aws(
        "execute-statement",
        "--statement",
        "SELECT SongTitle FROM Music WHERE Artist = ?",
        "--parameters",
        [{"S": "Acme"}],
    )
    assert answer == {"Items": [{"SongTitle": {"S": "It's"}}]}
