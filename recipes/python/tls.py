"""A TLS server and a client of this Python, over the loopback; cert.pem and key.pem lie in the working directory."""

import http.client
import http.server
import ssl
import threading


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"over " + self.connection.version().encode())

    def log_message(self, *args):
        pass


def get(port, context):
    connection = http.client.HTTPSConnection("localhost", port, context=context, timeout=60)
    connection.request("GET", "/")
    return connection.getresponse().read()


server = http.server.ThreadingHTTPServer(("localhost", 0), Page)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("cert.pem", "key.pem")
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
threading.Thread(target=server.serve_forever, daemon=True).start()
port = server.server_address[1]

trusting = ssl.create_default_context(cafile="cert.pem")
assert get(port, trusting) == b"over TLSv1.3"
trusting.maximum_version = ssl.TLSVersion.TLSv1_2
assert get(port, trusting) == b"over TLSv1.2"

world = ssl.create_default_context()
assert world.cert_store_stats()["x509_ca"] > 100, world.cert_store_stats()
try:
    get(port, world)
except ssl.SSLCertVerificationError as e:
    print(e)
else:
    raise SystemExit("a certificate that nobody signed was accepted")
