"""Operations that change something and are not built: refused by name, so that nobody is misled.

A line leaves the table when its operation is built.
"""

import pytest
from botocore.exceptions import ClientError

from tables import make_articles

NOT_BUILT = [
    ("enable_kinesis_streaming_destination", {"TableName": "Articles", "StreamArn": "arn:aws:kinesis:eu-west-2:000000000000:stream/changes"}),
]


@pytest.mark.parametrize("method, arguments", NOT_BUILT, ids=[method for method, _ in NOT_BUILT])
def test_operation_names_itself(client, dynamodb, method, arguments):
    make_articles(dynamodb)
    with pytest.raises(ClientError) as refused:
        getattr(client, method)(**arguments)
    error = refused.value.response["Error"]
    assert error["Code"] == "UnknownOperationException"
    assert client.meta.method_to_api_mapping[method] in error["Message"]
