import http.server, os, socket, sys, urllib.request

def answer(path):
    _, how, *where = path.split('/')
    if how == 'ask':
        return urllib.request.urlopen('http://%s:%s/%s' % (where[0], where[1], '/'.join(where[2:])), timeout=5).read()
    if how == 'udp':
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(2)
            s.connect((where[0], int(where[1])))
            s.send(b'ping')
            return s.recv(100)
    return ('%s of %s' % (' '.join(sys.argv[1:]), open('what').read())).encode()

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        text = answer(self.path)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(text)

http.server.ThreadingHTTPServer(('', int(os.environ['PORT'])), Handler).serve_forever()
