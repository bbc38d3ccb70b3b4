import os, socket, sys

s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('', int(os.environ['PORT'])))
while True:
    sender = s.recvfrom(100)[1]
    s.sendto(('%s of %s' % (sys.argv[1], open('what').read())).encode(), sender)
