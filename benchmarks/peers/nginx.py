"""nginx as a file server with sendfile: what a blob's way through the kernel costs."""

import os
import shutil
from pathlib import Path

from benchmarks.peers import running
from benchmarks.peers.running import Command, NotHere

_CONFIG = """
daemon off; worker_processes auto; pid {folder}/pid; error_log {folder}/error.log error;
events {{ worker_connections 256; }}
http {{
    access_log off; sendfile on; tcp_nopush on; tcp_nodelay on; keepalive_requests 1000000;
    default_type application/octet-stream;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{ listen 127.0.0.1:{port}; root {folder}/files; }}
}}
"""


def command(name: str, folder: Path) -> Command:
    """Return how nginx is started; it serves the folder `files`."""
    program = shutil.which("nginx", path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin")
    if program is None:
        raise NotHere("no program named nginx is here: Debian's package nginx-light has it")
    port = running.port()
    (folder / "files").mkdir(parents=True, exist_ok=True)
    # Its workers may run as another user.
    for each in (folder, folder / "files"):
        each.chmod(0o755)
    config = folder / "nginx.conf"
    config.write_text("user root;" * (os.geteuid() == 0) + _CONFIG.format(folder=folder, port=port))
    return Command(name, [program, "-p", str(folder), "-c", str(config)], port, folder, "/")
