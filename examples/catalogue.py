#!/usr/bin/env python3
"""Loads a real catalogue, Debian's package index, into one table and checks every answer.

    python3 examples/catalogue.py --endpoint-url http://127.0.0.1:8000

The table has a single-table design with two global indexes:

    item             PK              SK                      in GSI1 (text)            in GSI2 (number)
    source package   SOURCE#<name>   SOURCE                  -                         SOURCES, by packages
    binary package   SOURCE#<name>   PACKAGE#<name>#<arch>   SECTION#<section>, name   MAINTAINER#<who>, by size

The records are read with `apt-cache dumpavail`, written through boto3's batch writer by several
processes, and then asked for in many ways; each answer is compared with what a straight count over
the records gives. Needs boto3, a Debian (or a descendant of it), and a server.
"""

import argparse
import multiprocessing
import os
import shutil
import subprocess
import sys
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

try:
    import boto3
    from boto3.dynamodb.conditions import Attr, Key
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError
except ModuleNotFoundError as error:
    sys.exit(f"catalogue: there is no {error.name} here: install it with `python3 -m pip install boto3`")

ITEMS_PER_TASK = 500
SEGMENTS = 8
THREADS = 8
PAGE_ITEMS = 100
SAMPLE = 2000


class Unusable(Exception):
    """Something outside is missing; the text says what to do."""


class Mismatch(Exception):
    """An answer differs from the straight count."""


# The source: records of text, and the items made of them.


def read_package_index():
    """The text of Debian's package index, a record per package."""
    if not shutil.which("apt-cache"):
        raise Unusable("there is no apt-cache here: this example wants a Debian or a system derived from it")
    done = subprocess.run(["apt-cache", "dumpavail"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Unusable(f"apt-cache fails: {done.stderr.strip()}")
    if done.stdout.count("\nFilename: ") < 1000:
        raise Unusable("apt-cache knows no packages: run `apt-get update` as root first")
    return done.stdout


def parse_records(text, limit=None):
    """The fields of each record in the text; `limit` is the most records to take."""
    records = []
    for block in text.split("\n\n"):
        fields, name = {}, None
        for line in block.splitlines():
            if line[:1].isspace():
                fields[name] += "\n" + line.strip()
            else:
                name, _, value = line.partition(":")
                fields[name] = value.strip()
        if fields:
            records.append(fields)
        if limit is not None and len(records) == limit:
            break
    return records


def make_items(records):
    """The items of all packages, and one for each source package that they are built from."""
    packages = [_package_item(record) for record in records]
    by_source = Counter(item["PK"] for item in packages)
    sources = [
        {
            "PK": source,
            "SK": "SOURCE",
            "kind": "source",
            "packages": count,
            "GSI2PK": "SOURCES",
            "GSI2SK": count,
        }
        for source, count in by_source.items()
    ]
    return packages + sources


def _package_item(record):
    name, architecture = record["Package"], record["Architecture"]
    # `Source: bash (5.2.15-2)` where the versions differ; without the field it has the same name.
    source = record.get("Source", name).split()[0]
    installed_kib = int(record.get("Installed-Size", 0))
    item = {
        "PK": f"SOURCE#{source}",
        "SK": f"PACKAGE#{name}#{architecture}",
        "GSI1PK": f"SECTION#{record['Section']}",
        "GSI1SK": name,
        "GSI2PK": f"MAINTAINER#{record['Maintainer']}",
        "GSI2SK": installed_kib,
        "kind": "package",
        "version": record["Version"],
        "architecture": architecture,
        "priority": record["Priority"],
        "installed_kib": installed_kib,
        "summary": record["Description"].splitlines()[0],
        "essential": record.get("Essential") == "yes",
        "depends": _split(record.get("Depends", "")),
    }
    if "Size" in record:
        item["download_mb"] = Decimal(record["Size"]) / 1_000_000
    if "Homepage" in record:
        item["homepage"] = record["Homepage"]
    if "Tag" in record:
        item["tags"] = set(_split(record["Tag"].replace("\n", " ")))
    return item


def _split(text):
    return [part.strip() for part in text.split(",") if part.strip()]


# The table, and how it is filled.


def connect(endpoint_url):
    """boto3's resource; a local server takes any credentials and region."""
    session = boto3.Session()
    credentials = {}
    if session.get_credentials() is None:
        credentials = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
    return session.resource(
        "dynamodb",
        endpoint_url=endpoint_url,
        region_name=session.region_name or "us-east-1",
        config=Config(max_pool_connections=THREADS, connect_timeout=5, retries={"total_max_attempts": 3}),
        **credentials,
    )


def create_table(dynamodb, name):
    """The table with its two indexes."""
    types = {"PK": "S", "SK": "S", "GSI1PK": "S", "GSI1SK": "S", "GSI2PK": "S", "GSI2SK": "N"}
    table = dynamodb.create_table(
        TableName=name,
        KeySchema=_key_schema(""),
        AttributeDefinitions=[
            {"AttributeName": key, "AttributeType": key_type} for key, key_type in types.items()
        ],
        GlobalSecondaryIndexes=[
            {"IndexName": index, "KeySchema": _key_schema(index), "Projection": {"ProjectionType": "ALL"}}
            for index in ("GSI1", "GSI2")
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    table.wait_until_exists()
    return table


def _key_schema(index):
    return [
        {"AttributeName": f"{index}PK", "KeyType": "HASH"},
        {"AttributeName": f"{index}SK", "KeyType": "RANGE"},
    ]


def load(endpoint_url, table_name, items, processes, progress=lambda done: None):
    """Writes all items, by several processes at once: one alone is busy with Python itself."""
    tasks = [items[start : start + ITEMS_PER_TASK] for start in range(0, len(items), ITEMS_PER_TASK)]
    # Started afresh, not forked: a fork would share this process's connections.
    context = multiprocessing.get_context("spawn")
    with context.Pool(processes, _connect_worker, (endpoint_url, table_name)) as pool:
        done = 0
        for count in pool.imap_unordered(_write, tasks):
            done += count
            progress(done)


def _connect_worker(endpoint_url, table_name):
    global _worker_table
    _worker_table = connect(endpoint_url).Table(table_name)


def _write(items):
    with _worker_table.batch_writer() as batch:
        for item in items:
            batch.put_item(Item=item)
    return len(items)


# Questions, each with the answer that a count over the records gives.


class Catalogue:
    """The items as they should be, and the table that should hold them."""

    def __init__(self, table, items):
        self.table = table
        self.items = items
        self.packages = [item for item in items if item["kind"] == "package"]

    def checks(self):
        """All questions by name; each gives how many items it compared, or raises Mismatch."""
        return {
            "table's own count": self.check_item_count,
            "parallel scan": self.check_parallel_scan,
            "packages of a source": self.check_sources,
            "GSI1: a section's packages by name": self.check_sections,
            "GSI2: a maintainer's packages by size": self.check_maintainers,
            "GSI2: largest sources first": self.check_ranking,
            "pages, forwards and backwards": self.check_pages,
            "filtered scans": self.check_filters,
            "filtered queries": self.check_filtered_queries,
            "batches of keys": self.check_batch_gets,
        }

    def check_item_count(self):
        self.table.reload()
        _expect("ItemCount", self.table.item_count, len(self.items))
        return self.table.item_count

    def check_parallel_scan(self):
        def scan_segment(segment):
            return _all_pages(self.table.scan, Segment=segment, TotalSegments=SEGMENTS)

        segments = _in_threads(scan_segment, range(SEGMENTS))
        found = [item for segment in segments for item in segment]
        _expect_items("parallel scan", found, self.items)
        return len(found)

    def check_sources(self):
        by_source = _group(self.items, "PK")
        sources = _sample(sorted(by_source))

        def check(source):
            found = self._query(Key("PK").eq(source))
            _expect(source, found, _sorted_by(by_source[source], "SK"))
            return len(found)

        return sum(_in_threads(check, sources))

    def check_sections(self):
        by_section = _group(self.packages, "GSI1PK")

        def check(section):
            found = self._query(Key("GSI1PK").eq(section), IndexName="GSI1")
            _expect(f"{section}, names", _values(found, "GSI1SK"), _names(by_section[section]))
            _expect_items(section, found, by_section[section])
            return len(found)

        return sum(_in_threads(check, sorted(by_section)))

    def check_maintainers(self):
        by_maintainer = _group(self.packages, "GSI2PK")

        def check(maintainer):
            packages = by_maintainer[maintainer]
            found = self._query(Key("GSI2PK").eq(maintainer), IndexName="GSI2")
            _expect(f"{maintainer}, sizes", _values(found, "GSI2SK"), sorted(_values(packages, "GSI2SK")))
            _expect_items(maintainer, found, packages)
            middle = sorted(_values(packages, "GSI2SK"))[len(packages) // 2]
            larger = self._query(Key("GSI2PK").eq(maintainer) & Key("GSI2SK").gt(middle), IndexName="GSI2")
            _expect_items(
                f"{maintainer} over {middle}", larger, [item for item in packages if item["GSI2SK"] > middle]
            )
            return len(found) + len(larger)

        return sum(_in_threads(check, _sample(sorted(by_maintainer))))

    def check_ranking(self):
        sizes = sorted((item["packages"] for item in self.items if item["kind"] == "source"), reverse=True)
        found = self.table.query(
            IndexName="GSI2",
            KeyConditionExpression=Key("GSI2PK").eq("SOURCES"),
            ScanIndexForward=False,
            Limit=10,
        )["Items"]
        _expect("largest sources", _values(found, "packages"), sizes[:10])
        return len(found)

    def check_pages(self):
        by_section = _group(self.packages, "GSI1PK")
        section = max(by_section, key=lambda name: len(by_section[name]))
        names = _names(by_section[section])
        for forward in (True, False):
            found = _all_pages(
                self.table.query,
                IndexName="GSI1",
                KeyConditionExpression=Key("GSI1PK").eq(section),
                ScanIndexForward=forward,
                Limit=PAGE_ITEMS,
                ProjectionExpression="GSI1SK",
            )
            _expect(f"pages of {section}", _values(found, "GSI1SK"), names if forward else names[::-1])
        return 2 * len(names)

    def check_filters(self):
        sizes = sorted(_values(self.packages, "installed_kib"))
        low, high = sizes[len(sizes) // 4], sizes[len(sizes) // 2]
        questions = [
            (Attr("kind").eq("source"), lambda item: item["kind"] == "source"),
            (Attr("priority").eq("optional"), lambda item: item.get("priority") == "optional"),
            (
                Attr("installed_kib").between(low, high) & Attr("architecture").eq("all"),
                lambda item: low <= item.get("installed_kib", -1) <= high and item["architecture"] == "all",
            ),
            (
                Attr("tags").contains("role::program") | Attr("essential").eq(True),
                lambda item: "role::program" in item.get("tags", ()) or item.get("essential"),
            ),
            (
                Attr("homepage").not_exists() & ~Attr("kind").eq("source"),
                lambda item: "homepage" not in item and item["kind"] != "source",
            ),
            (
                Attr("homepage").begins_with("https://"),
                lambda item: item.get("homepage", "").startswith("https://"),
            ),
            (Attr("depends").size().gte(10), lambda item: len(item.get("depends", ())) >= 10),
            (Attr("summary").contains("library"), lambda item: "library" in item.get("summary", "")),
        ]

        def check(question):
            condition, is_wanted = question
            found = _all_pages(self.table.scan, FilterExpression=condition, ProjectionExpression="PK, SK")
            wanted = [{"PK": item["PK"], "SK": item["SK"]} for item in self.items if is_wanted(item)]
            _expect_items(str(condition.get_expression()), found, wanted)
            return len(found)

        return sum(_in_threads(check, questions))

    def check_filtered_queries(self):
        by_section = _group(self.packages, "GSI1PK")

        def check(section):
            pages = _pages(
                self.table.query,
                IndexName="GSI1",
                KeyConditionExpression=Key("GSI1PK").eq(section) & Key("GSI1SK").between("lib", "libz"),
                FilterExpression=Attr("architecture").eq("all"),
                Select="COUNT",
            )
            pages = list(pages)
            scanned = [item for item in by_section[section] if "lib" <= item["GSI1SK"] <= "libz"]
            counted = [item for item in scanned if item["architecture"] == "all"]
            _expect(f"{section}, scanned", sum(page["ScannedCount"] for page in pages), len(scanned))
            _expect(f"{section}, counted", sum(page["Count"] for page in pages), len(counted))
            return len(scanned)

        return sum(_in_threads(check, sorted(by_section)))

    def check_batch_gets(self):
        wanted = _sample(self.items)
        client = self.table.meta.client

        def check(start):
            part = wanted[start : start + 100]
            asked = {self.table.name: {"Keys": [{"PK": item["PK"], "SK": item["SK"]} for item in part]}}
            found = []
            while asked:
                answer = client.batch_get_item(RequestItems=asked)
                found += answer["Responses"][self.table.name]
                asked = answer["UnprocessedKeys"]
            _expect_items("batch of keys", found, part)
            return len(found)

        return sum(_in_threads(check, range(0, len(wanted), 100)))

    def _query(self, condition, **where):
        return _all_pages(self.table.query, KeyConditionExpression=condition, **where)


def _pages(ask, **question):
    """The answers to a query or scan, page after page."""
    while True:
        page = ask(**question)
        yield page
        if "LastEvaluatedKey" not in page:
            return
        question["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _all_pages(ask, **question):
    return [item for page in _pages(ask, **question) for item in page["Items"]]


def _in_threads(work, arguments):
    with ThreadPoolExecutor(THREADS) as threads:
        return list(threads.map(work, arguments))


def _group(items, attribute):
    groups = defaultdict(list)
    for item in items:
        groups[item[attribute]].append(item)
    return groups


def _sample(values):
    """Some of the values, evenly over all of them."""
    return values[:: max(1, len(values) // SAMPLE)]


def _values(items, attribute):
    return [item[attribute] for item in items]


def _names(packages):
    return sorted(_values(packages, "GSI1SK"), key=str.encode)


def _sorted_by(items, attribute):
    """In the order of a text key: by its bytes."""
    return sorted(items, key=lambda item: item[attribute].encode())


def _expect(what, found, expected):
    if found != expected:
        raise Mismatch(f"{what}: found {_shortened(found)}, expected {_shortened(expected)}")


def _expect_items(what, found, expected):
    """The same items, in whatever order."""
    found_by_key = {(item["PK"], item["SK"]): item for item in found}
    expected_by_key = {(item["PK"], item["SK"]): item for item in expected}
    if len(found_by_key) != len(found):
        raise Mismatch(f"{what}: {len(found) - len(found_by_key)} items came twice")
    missing, extra = (
        expected_by_key.keys() - found_by_key.keys(),
        found_by_key.keys() - expected_by_key.keys(),
    )
    if missing or extra:
        raise Mismatch(f"{what}: {_shortened(sorted(missing))} missing, {_shortened(sorted(extra))} too many")
    for key, item in expected_by_key.items():
        _expect(f"{what}, item {key}", found_by_key[key], item)


def _shortened(value):
    text = repr(value)
    return text if len(text) <= 300 else f"{text[:300]}... ({len(text)} characters)"


# The program.


def main():
    arguments = parse_arguments()
    try:
        run(arguments)
    except Unusable as error:
        sys.exit(f"catalogue: {error}")
    except Mismatch as error:
        sys.exit(f"catalogue: WRONG ANSWER: {error}")
    except EndpointConnectionError:
        sys.exit(
            f"catalogue: nobody answers at {arguments.endpoint_url}: "
            "start the server with `./stator serve`, or name another with --endpoint-url"
        )
    except (BotoCoreError, ClientError) as error:
        sys.exit(f"catalogue: {error}")


def parse_arguments():
    parser = argparse.ArgumentParser(
        description="Load Debian's package index into a table and check every answer."
    )
    parser.add_argument("--endpoint-url", default="http://127.0.0.1:8000", help="the server [%(default)s]")
    parser.add_argument("--limit", type=int, metavar="COUNT", help="the most packages to load [all]")
    parser.add_argument("--table", default="Catalogue", help="the table's name [%(default)s]")
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="writers at once [%(default)s]")
    parser.add_argument("--keep", action="store_true", help="leave the table there at the end")
    return parser.parse_args()


def run(arguments):
    dynamodb = connect(arguments.endpoint_url)
    # Asked first: reading the index takes seconds.
    if any(table.name == arguments.table for table in dynamodb.tables.all()):
        raise Unusable(f"there is a table {arguments.table} already: delete it, or choose another --table")
    began = time.monotonic()
    items = make_items(parse_records(read_package_index(), arguments.limit))
    say(f"{len(items):,} items made of Debian's package index", began)

    table = create_table(dynamodb, arguments.table)
    try:
        began = time.monotonic()
        progress = show_progress(len(items), began)
        load(arguments.endpoint_url, arguments.table, items, arguments.processes, progress)
        seconds = time.monotonic() - began
        say(
            f"{len(items):,} items loaded by {arguments.processes} processes, {len(items) / seconds:,.0f}/s",
            began,
        )
        for name, check in Catalogue(table, items).checks().items():
            began = time.monotonic()
            say(f"{name}: {check():,} items as expected", began)
        print("Every answer is what a straight count gives.")
    finally:
        if not arguments.keep:
            table.delete()


def show_progress(total, began):
    """Prints how far the load is, in one line on a terminal and now and then elsewhere."""
    is_terminal = sys.stdout.isatty()
    next_step = 0

    def show(done):
        nonlocal next_step
        if not is_terminal and done < next_step and done != total:
            return
        next_step = done + total // 10
        rate = done / (time.monotonic() - began)
        line = f"         {done:,} of {total:,} items ({rate:,.0f}/s)"
        print(
            f"\r{line}\033[K" if is_terminal else line,
            end="" if is_terminal and done < total else "\n",
            flush=True,
        )

    return show


def say(text, began):
    print(f"{time.monotonic() - began:7.2f}s {text}", flush=True)


if __name__ == "__main__":
    main()
