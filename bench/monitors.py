# SPDX-License-Identifier: Apache-2.0
"""What is measured against what: no monitor, an empty program, Saker; and series of numbers."""
import json
import os
import re
import signal
import statistics
import subprocess
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TICKS = os.sysconf('SC_CLK_TCK')
FALCO_RULES = ('falco_rules.yaml', 'falco-incubating_rules.yaml', 'falco-sandbox_rules.yaml')


class Failure(Exception):
    pass


def shared(*parts):
    return os.path.join(os.environ.get('SAKER_SHARED', f'{ROOT}/../shared'), 'upstream', *parts)


def has_falco_rules():
    return os.path.exists(shared('rules', FALCO_RULES[0]))


def ran_seconds(pid):
    """Processor time of a process's threads that still are, exactly."""
    ran = 0
    for thread in os.listdir(f'/proc/{pid}/task'):
        with open(f'/proc/{pid}/task/{thread}/schedstat') as f:
            ran += int(f.read().split()[0])
    return ran / 1e9


def cpu_seconds(pid):
    """User and system time in ticks of 10 ms, and what its threads have run, which is exact."""
    with open(f'/proc/{pid}/stat') as f:
        fields = f.read().rsplit(')', 1)[1].split()
    return int(fields[11]) / TICKS, int(fields[12]) / TICKS, ran_seconds(pid)


def memory_mb(pid):
    with open(f'/proc/{pid}/status') as f:
        return {line.split(':')[0]: int(line.split()[1]) / 1024
                for line in f if line.startswith(('VmRSS', 'RssAnon', 'RssFile', 'RssShmem'))}


def tracing_programs():
    """Those that are loaded, ours and others': who else watches disturbs what is measured."""
    out = subprocess.run(['bpftool', '-j', 'prog', 'show'], stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL, text=True).stdout
    return [p for p in json.loads(out or '[]') if p.get('type') == 'tracing']


class Nothing:
    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


class Empty:
    def __init__(self, build):
        self.path = f'{build}/bench/bench_empty'

    def __enter__(self):
        self.child = subprocess.Popen([self.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      text=True)
        if self.child.stdout.readline() != 'ready\n':
            raise Failure('the empty program cannot be attached; that needs root')
        return self

    def __exit__(self, *_):
        self.child.communicate()


def go_first():
    os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))


class Saker:
    """saker under its own rules or Falco's; after the with block its numbers are in the members."""

    def __init__(self, build, goes_first=False, falco=False, options=()):
        self.goes_first = goes_first
        self.command = [f'{build}/saker', '-c', f'{ROOT}/config/saker.yaml',
                        '-o', 'log_syslog=false', '-o', 'syslog_output.enabled=false']
        rules = [shared('rules', name) for name in FALCO_RULES] if falco else [f'{ROOT}/rules']
        for path in rules:
            self.command += ['-r', path]
        for option in options:
            self.command += ['-o', option]

    def __enter__(self):
        begin = time.monotonic()
        self.child = subprocess.Popen(self.command, stdout=subprocess.DEVNULL,
                                      stderr=subprocess.PIPE,
                                      preexec_fn=go_first if self.goes_first else None)
        said = []
        for line in self.child.stderr:
            said.append(line.decode())
            if b'ready,' in line:
                break
        else:
            raise Failure('saker does not start:\n' + ''.join(said))
        self.ready_at = time.monotonic()
        self.ready_ms = (self.ready_at - begin) * 1e3
        self.start_cpu = cpu_seconds(self.child.pid)
        self.start_memory = memory_mb(self.child.pid)
        return self

    def __exit__(self, *_):
        self.seconds = time.monotonic() - self.ready_at
        # What stands in the rings is read before it ends; its last look is counted as well.
        self.settle()
        self.end_memory = memory_mb(self.child.pid)
        end = cpu_seconds(self.child.pid)
        self.user, self.system, self.ran = (e - s for e, s in zip(end, self.start_cpu))
        self.child.send_signal(signal.SIGINT)
        text = self.child.stderr.read().decode()
        self.child.wait()
        self.events = self.count(r'Events: (\d+) read', text)
        self.drops = self.count(r'Drops: (\d+)', text)
        self.discarded = self.count(r'Events discarded in the kernel: (\d+)', text, 0)

    def settle(self):
        deadline = time.monotonic() + 5
        before = ran_seconds(self.child.pid)
        while time.monotonic() < deadline:
            time.sleep(0.05)
            now = ran_seconds(self.child.pid)
            if now - before < 0.01:
                return
            before = now

    @staticmethod
    def count(pattern, text, otherwise=None):
        found = re.search(pattern, text)
        if found:
            return int(found.group(1))
        if otherwise is None:
            raise Failure('saker has not said its counts:\n' + text)
        return otherwise


class Series(list):
    """Values of one kind, one a round."""

    @property
    def median(self):
        return statistics.median(self)

    def text(self, form='{:.0f}'):
        return ' '.join([form.format(self.median),
                         f'({form.format(min(self))} to {form.format(max(self))})'])


def verdict(ok):
    return 'met' if ok else 'MISSED'
