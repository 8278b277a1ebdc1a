"""A store that speaks as much of S3 as boto3 and Stator ask of it, in memory: objects, listings, uploads in
parts. Signatures are not looked at."""

import hashlib
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape, unescape

NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
TIME = "2026-11-21T00:00:00.000Z"
HTTP_TIME = "Sat, 21 Nov 2026 00:00:00 GMT"


class ObjectStore:
    """The store; `buckets` has the objects by name, each as content and entity tag."""

    def __init__(self, *buckets):
        self.buckets = {name: {} for name in buckets}
        self.uploads = {}
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def stop(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def _etag(content):
    return hashlib.md5(content).hexdigest()


def _unchunked(body):
    """The content of a body that is sent as signed chunks."""
    content = b""
    while body:
        head, _, body = body.partition(b"\r\n")
        size = int(head.split(b";")[0], 16)
        content += body[:size]
        body = body[size + 2 :] if size else b""
    return content


def _handler(store):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def _answer(self, status, body=b"", **headers):
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", headers.get("size", len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def _error(self, status, code):
            self._answer(status, f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode())

        def _serve(self):
            address = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(address.query, keep_blank_values=True).items()}
            bucket, _, key = unquote(address.path)[1:].partition("/")
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.headers.get("x-amz-content-sha256", "").startswith("STREAMING"):
                body = _unchunked(body)
            objects = store.buckets.get(bucket)
            if objects is None:
                return self._error(404, "NoSuchBucket")
            if not key and "delete" in query:
                return self._delete_several(objects, body.decode())
            if not key:
                return self._list(bucket, objects, query.get("prefix", ""))
            return getattr(self, f"_{self.command.lower()}")(objects, key, query, body)

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _serve

        def _list(self, bucket, objects, prefix):
            found = sorted((key, *found) for key, found in objects.items() if key.startswith(prefix))
            contents = "".join(
                f"<Contents><Key>{escape(key)}</Key><LastModified>{TIME}</LastModified><ETag>&quot;{etag}&quot;</ETag>"
                f"<Size>{len(content)}</Size></Contents>"
                for key, content, etag in found
            )
            text = (
                f"<ListBucketResult {NAMESPACE}><Name>{bucket}</Name><Prefix>{escape(prefix)}</Prefix>"
                f"<KeyCount>{len(found)}</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated>{contents}"
                "</ListBucketResult>"
            )
            self._answer(200, text.encode(), Content_Type="application/xml")

        def _delete_several(self, objects, body):
            keys = [unescape(key) for key in re.findall(r"<Key>(.*?)</Key>", body)]
            for key in keys:
                objects.pop(key, None)
            deleted = "".join(f"<Deleted><Key>{escape(key)}</Key></Deleted>" for key in keys)
            self._answer(200, f"<DeleteResult {NAMESPACE}>{deleted}</DeleteResult>".encode())

        def _get(self, objects, key, query, body):
            if key not in objects:
                return self._error(404, "NoSuchKey")
            content, etag = objects[key]
            return self._answer(200, content, ETag=f'"{etag}"', Last_Modified=HTTP_TIME)

        _head = _get

        def _put(self, objects, key, query, body):
            if "uploadId" in query:
                store.uploads[query["uploadId"]][int(query["partNumber"])] = body
                return self._answer(200, ETag=f'"{_etag(body)}"')
            objects[key] = (body, _etag(body))
            return self._answer(200, ETag=f'"{objects[key][1]}"')

        def _post(self, objects, key, query, body):
            if "uploads" in query:
                upload = f"upload-{len(store.uploads)}"
                store.uploads[upload] = {}
                text = f"<InitiateMultipartUploadResult {NAMESPACE}><UploadId>{upload}</UploadId>"
                return self._answer(200, f"{text}</InitiateMultipartUploadResult>".encode())
            parts = store.uploads.pop(query["uploadId"])
            numbers = [int(number) for number in re.findall(rb"<PartNumber>(\d+)</PartNumber>", body)]
            if any(len(parts[number]) < 5 << 20 for number in numbers[:-1]):
                return self._error(400, "EntityTooSmall")
            sums = b"".join(hashlib.md5(parts[number]).digest() for number in numbers)
            etag = f"{_etag(sums)}-{len(numbers)}"
            objects[key] = (b"".join(parts[number] for number in numbers), etag)
            text = f"<CompleteMultipartUploadResult {NAMESPACE}><Key>{escape(key)}</Key><ETag>&quot;{etag}&quot;</ETag>"
            return self._answer(200, f"{text}</CompleteMultipartUploadResult>".encode())

        def _delete(self, objects, key, query, body):
            if "uploadId" in query:
                store.uploads.pop(query["uploadId"], None)
            else:
                objects.pop(key, None)
            return self._answer(204)

    return Handler
