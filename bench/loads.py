# SPDX-License-Identifier: Apache-2.0
"""What a monitor is measured under: loops of system calls, and work as machines do it.

A load is entered once, before all rounds, and then run again and again. A run gives a Sample:
processor time per unit, of the processes that do the work, to which programs in the kernel add and
which others on the machine do not take away; and units per second of the clock. Servers listen on
loopback at fixed ports: bench/cost runs all this in a network namespace of its own.
"""
import collections
import os
import re
import resource
import shutil
import socket
import statistics
import subprocess
import time

from monitors import ROOT, Failure, ran_seconds

Sample = collections.namedtuple('Sample', 'cost rate')

SERVER_CPU, CLIENT_CPU = 0, (os.cpu_count() or 1) - 1
LISTEN_SECONDS = 10


def children_seconds():
    """Of children that have ended, with their own that they waited for."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def pinned(cpu):
    return lambda: os.sched_setaffinity(0, {cpu})


def wait_for_port(port, child):
    deadline = time.monotonic() + LISTEN_SECONDS
    while time.monotonic() < deadline and child.poll() is None:
        try:
            socket.create_connection(('127.0.0.1', port), 1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise Failure(f'{child.args[0]} does not listen')


class Load:
    """`unit` is what is counted, `scale` makes seconds of `cost` what `unit` says."""

    needs = ()  # programs

    def __init__(self, build, directory, seconds):
        self.build, self.directory, self.seconds = build, directory, seconds

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def missing(self):
        return [program for program in self.needs if not shutil.which(program)]


class Loop(Load):
    """bench/bench_loop.c on one processor: `chunks`, of `turns` each."""

    scale = 1e9

    def __enter__(self):
        self.path = '/bin/true' if self.name == 'exec' else f'{self.directory}/file'
        if self.name != 'exec':
            with open(self.path, 'wb') as f:
                f.write(bytes(1 << 20))
        return self

    def run(self):
        out = subprocess.run([f'{self.build}/bench/bench_loop', self.name, '0', str(self.chunks),
                              str(self.turns), self.path],
                             stdout=subprocess.PIPE, text=True, check=True).stdout
        chunks = [tuple(map(float, line.split())) for line in out.splitlines()]
        # Of the quarter of the chunks that others disturbed least, the worst.
        cost, clock = (statistics.quantiles(c, n=4)[0] for c in zip(*chunks))
        return Sample(cost / 1e9, 1e9 / clock)


def loop(name, unit, chunks, turns):
    return type(name, (Loop,), {'name': name, 'unit': unit, 'chunks': chunks, 'turns': turns})


# So long that a ring that is not emptied as fast overflows.
LOOPS = [
    loop('getppid', 'ns a call', 20, 100000),
    loop('open', 'ns an open and close', 40, 20000),
    loop('rw', 'ns a read and a write of 4 KiB', 20, 20000),
    loop('connect', 'ns a connection made, accepted and closed', 20, 1000),
    loop('pipe', 'ns a byte there and back over pipes', 20, 5000),
    loop('exec', 'ns a fork, exec, wait', 10, 80),
]


class Nginx(Load):
    """Debian's nginx with one worker and its usual log; wrk asks for a small page."""

    name, unit, scale = 'nginx', 'us a request, of server and client', 1e6
    needs = ('nginx', 'wrk')
    headers = ()
    PORT = 8080
    CONFIGURATION = """
daemon off; worker_processes 1; pid {0}/nginx.pid; error_log {0}/error.log;
events {{ worker_connections 512; }}
http {{
  access_log {0}/access.log;
  client_body_temp_path {0}/body; proxy_temp_path {0}/proxy; fastcgi_temp_path {0}/fastcgi;
  uwsgi_temp_path {0}/uwsgi; scgi_temp_path {0}/scgi;
  server {{ listen 127.0.0.1:{1}; root {0}/www; }}
}}
"""

    def __enter__(self):
        base = f'{self.directory}/{self.name}'
        os.makedirs(f'{base}/www')
        for path in (self.directory, base):  # for the worker, who is not root
            os.chmod(path, 0o755)
        with open(f'{base}/www/index.html', 'w') as f:
            f.write('x' * 612)
        with open(f'{base}/nginx.conf', 'w') as f:
            f.write(self.CONFIGURATION.format(base, self.PORT))
        self.log = f'{base}/access.log'
        self.child = subprocess.Popen(['nginx', '-p', base, '-c', f'{base}/nginx.conf'],
                                      stderr=subprocess.DEVNULL, preexec_fn=pinned(SERVER_CPU))
        try:
            wait_for_port(self.PORT, self.child)
            with open(f'/proc/{self.child.pid}/task/{self.child.pid}/children') as f:
                self.worker = int(f.read().split()[0])
        except Exception:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.child.terminate()
        self.child.wait()

    def run(self):
        before = ran_seconds(self.worker) + children_seconds()
        out = subprocess.run(['wrk', '-t1', '-c32', f'-d{self.seconds}s', *self.headers,
                              f'http://127.0.0.1:{self.PORT}/'],
                             stdout=subprocess.PIPE, text=True, check=True,
                             preexec_fn=pinned(CLIENT_CPU)).stdout
        spent = ran_seconds(self.worker) + children_seconds() - before
        os.truncate(self.log, 0)
        if 'Non-2xx' in out:
            raise Failure('nginx does not serve:\n' + out)
        requests = int(re.search(r'(\d+) requests in', out).group(1))
        rate = float(re.search(r'Requests/sec: +([0-9.]+)', out).group(1))
        return Sample(spent / requests, rate)


class NginxClose(Nginx):
    """The same with a connection for each request."""

    name = 'nginx-close'
    headers = ('-H', 'Connection: close')


class Redis(Load):
    name, unit, scale = 'redis', 'us a request, of server and client', 1e6
    needs = ('redis-server', 'redis-benchmark')
    PORT = 6379
    RATE = 40000  # of each of the two tests, about

    def __enter__(self):
        self.child = subprocess.Popen(
            ['redis-server', '--port', str(self.PORT), '--bind', '127.0.0.1', '--save', '',
             '--appendonly', 'no', '--dir', self.directory],
            stdout=subprocess.DEVNULL, preexec_fn=pinned(SERVER_CPU))
        try:
            wait_for_port(self.PORT, self.child)
        except Exception:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.child.terminate()
        self.child.wait()

    def run(self):
        requests = self.RATE * self.seconds
        before = ran_seconds(self.child.pid) + children_seconds()
        out = subprocess.run(['redis-benchmark', '-p', str(self.PORT), '-t', 'set,get', '-c', '50',
                              '-n', str(requests), '--csv'],
                             stdout=subprocess.PIPE, text=True, check=True,
                             preexec_fn=pinned(CLIENT_CPU)).stdout
        spent = ran_seconds(self.child.pid) + children_seconds() - before
        rates = [float(rate) for rate in re.findall(r'"[SG]ET","([0-9.]+)"', out)]
        return Sample(spent / (2 * requests), statistics.harmonic_mean(rates))


class Commands(Load):
    """Programs that run to their end, `times` times."""

    scale = 1e3
    times = 1

    def run(self):
        before, clock = children_seconds(), time.monotonic()
        for _ in range(self.times):
            self.run_once()
        clock = time.monotonic() - clock
        return Sample((children_seconds() - before) / self.times, self.times / clock)

    @staticmethod
    def call(command, **options):
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                              **options)
        if done.returncode != 0:
            raise Failure(f'{command[0]} failed:\n{done.stderr.decode()}')


class Find(Commands):
    name, unit = 'find', 'ms a find /usr'
    needs = ('find',)
    times = 2

    def __enter__(self):
        self.run_once()  # the names come into the cache
        return self

    def run_once(self):
        self.call(['find', '/usr', '-xdev'])


class Build(Commands):
    """Some twenty files of our own: make, shells, gcc, cc1, as, ar."""

    name, unit = 'build', 'ms a build of C'
    needs = ('make', 'gcc', 'ar')

    def __enter__(self):
        base = f'{self.directory}/build'
        os.mkdir(base)
        sources = [f'{ROOT}/src/{part}/{name}' for part in ('base', 'condition')
                   for name in sorted(os.listdir(f'{ROOT}/src/{part}')) if name.endswith('.c')]
        objects = [os.path.basename(path)[:-1] + 'o' for path in sources]
        with open(f'{base}/Makefile', 'w') as f:
            f.write(f'all.a: {" ".join(objects)}\n\t/usr/bin/ar rcs $@ $^\n')
            for path, name in zip(sources, objects):
                f.write(f'{name}: {path}\n'
                        f'\t/usr/bin/gcc -D_GNU_SOURCE -O1 -I{ROOT}/src -c $< -o $@\n')
        self.command = ['make', '-s', '-B', f'-j{os.cpu_count()}', '-C', base]
        self.run_once()
        return self

    def run_once(self):
        self.call(self.command)


class Apt(Commands):
    """A small package again, from a directory: apt-get, dpkg, its scripts and triggers."""

    name, unit = 'apt', 'ms an apt-get install --reinstall'
    needs = ('apt-get',)
    PACKAGE = 'hostname'

    @classmethod
    def prepare(cls, directory):
        """Where there still is a network. False: there is no such package to be had."""
        archives = f'{directory}/archives'
        os.makedirs(f'{archives}/partial')
        command = [*cls.command(archives), '--download-only', cls.PACKAGE]
        return bool(shutil.which('apt-get')) and subprocess.run(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=cls.environment()).returncode == 0 and cls.is_prepared(directory)

    @staticmethod
    def is_prepared(directory):
        return any(name.endswith('.deb') for name in os.listdir(f'{directory}/archives'))

    @staticmethod
    def environment():
        return dict(os.environ, DEBIAN_FRONTEND='noninteractive')

    @staticmethod
    def command(archives):
        return ['apt-get', 'install', '--reinstall', '-y', '-o', f'Dir::Cache::archives={archives}',
                '-o', 'DPkg::Lock::Timeout=60', '-o', 'APT::Keep-Downloaded-Packages=true',
                '-o', 'APT::Sandbox::User=root']

    def missing(self):
        if not self.is_prepared(self.directory):
            return [f'the package {self.PACKAGE}, which could not be downloaded']
        return super().missing()

    def run_once(self):
        self.call([*self.command(f'{self.directory}/archives'), '--no-download', self.PACKAGE],
                  env=self.environment())


WORK = [Nginx, NginxClose, Redis, Find, Build, Apt]
KINDS = {'calls': LOOPS, 'work': WORK}
LOADS = {load.name: load for loads in KINDS.values() for load in loads}
