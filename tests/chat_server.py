"""A real server on this machine that answers as those of language models do, or does not."""

import http.server
import json
import threading
from collections import deque

from ibmea_sklearn.featurizers import ChatModel

# Instead of an answer: the connection ends without a word.
CLOSED = "closed"


def completion(text):
    return 200, {}, json.dumps({"choices": [{"message": {"content": text}}]})


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers each request with the next of the server's answers, the last one for ever."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append((self.path, dict(self.headers), json.loads(body)))
        answers = self.server.answers
        answer = answers.popleft() if len(answers) > 1 else answers[0]
        if answer is None:  # nothing, until the test is over
            self.server.is_over.wait(20)
            self.close_connection = True
            return
        if answer == CLOSED:
            self.close_connection = True
            return
        if callable(answer):
            answer = answer(self.server.requests[-1])
        status, headers, text = answer
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *args):
        pass


class Server:
    def __init__(self, handler=Handler):
        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.http.requests, self.http.is_over = [], threading.Event()
        self.url = f"http://127.0.0.1:{self.http.server_port}/v1"
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.01,))
        self.thread.start()

    def says(self, *answers):
        self.http.answers = deque(answers)

    @property
    def requests(self):
        return self.http.requests

    def model(self, **params):
        quick = {"timeout": 5.0, "n_retries": 2, "backoff": 0.001}
        return ChatModel(self.url, "tiny", **{**quick, **params})

    def close(self):
        self.http.is_over.set()
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()
