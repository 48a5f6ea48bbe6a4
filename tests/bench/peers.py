"""Fetches those whom we are measured beside: from npm, and nchan as Debian has it. Nothing of it is installed into the system."""

import platform
import shutil
import subprocess
from functools import cache
from pathlib import Path

from tests.processes import ROOT

SOURCE = Path(__file__).parent / "peers"
CACHE = ROOT / ".cache" / "bench"
FOLDER = CACHE / "peers"
NODE = (str(ROOT / ".ci" / "node.sh"), "node")
NGINX = """
daemon off;
worker_processes 1;
error_log stderr error;
load_module {modules}/ngx_nchan_module.so;
events {{ worker_connections 20000; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  keepalive_requests 100000000;
  nchan_shared_memory_size 256M;
  server {{
    listen 127.0.0.1:{port};
    location = /watch {{ nchan_subscriber websocket; nchan_channel_id $arg_id; nchan_subscriber_first_message newest; }}
    location = /publish {{ nchan_publisher; nchan_channel_id $arg_id; nchan_message_buffer_length 200; nchan_message_timeout 10m; }}
  }}
}}
"""


def install_from_npm() -> None:
    """Fetch Socket.IO, its streams adapter, ioredis and ws, once."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    package, server = SOURCE / "package.json", SOURCE / "server.js"
    is_new = not (FOLDER / "node_modules" / "ws").exists() or (FOLDER / "package.json").read_bytes() != package.read_bytes()
    for file in (package, server):
        shutil.copy(file, FOLDER / file.name)
    if is_new:
        npm = [str(ROOT / ".ci" / "node.sh"), "npm", "install", "--silent", "--no-audit", "--no-fund"]
        subprocess.run(npm, cwd=FOLDER, check=True)


@cache
def why_no_nchan() -> str:
    """Unpack nginx and nchan from the Debian packages beside this project; returns why that is not possible, nothing when it is."""
    folder = CACHE / "nchan"
    if (folder / "usr" / "sbin" / "nginx").exists():
        return ""
    if platform.system() != "Linux" or not shutil.which("apt-get") or not shutil.which("dpkg"):
        return "this is no Debian"
    folder.mkdir(parents=True, exist_ok=True)
    fetched = subprocess.run(
        ["apt-get", "download", "nginx", "libnginx-mod-nchan"], cwd=folder, capture_output=True, text=True, check=False
    )
    if fetched.returncode:
        return f"apt-get download: {fetched.stderr.strip().splitlines()[-1] if fetched.stderr else fetched.returncode}"
    for package in folder.glob("*.deb"):
        subprocess.run(["dpkg", "-x", str(package), str(folder)], check=True)
    return ""


def start_nchan(port: int) -> "subprocess.Popen[bytes]":
    """Start nginx with nchan, one worker process."""
    folder = CACHE / "nchan"
    modules = folder / "usr" / "lib" / "nginx" / "modules"
    configuration = folder / f"nginx-{port}.conf"
    configuration.write_text(NGINX.format(modules=modules, folder=folder, port=port))
    return subprocess.Popen(
        [str(folder / "usr" / "sbin" / "nginx"), "-p", str(folder), "-c", str(configuration), "-g", f"pid {folder}/nginx-{port}.pid;"]
    )
