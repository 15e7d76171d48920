#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The only program of the emulated machine: starts saker, does what it must see, prints what it said.
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t cgroup2 cgroup /sys/fs/cgroup
cd /root || poweroff -f
echo "kernel $(uname -r)"
./saker --probe-info
./saker -c saker.yaml -r rules -r ring.yaml -r altered.yaml -r acts.yaml -r rewritten.yaml -r compat.yaml -o json_output=true >alerts 2>log &
saker=$!
while ! grep -q ' ready' log && kill -0 $saker 2>/dev/null; do usleep 50000; done
echo control >/bin/control
cat /etc/shadow >/dev/null
ln -s /etc/shadow /tmp/link
cat /tmp/link >/dev/null
sh -c 'cd /etc && cat ../etc/./shadow' >/dev/null
mkdir /tmp/mounted && mount -o bind /etc /tmp/mounted
cat /tmp/mounted/shadow >/dev/null
mkdir /tmp/one && mount -o bind /proc/1 /tmp/one
cat /tmp/one/mem >/dev/null 2>&1
mkdir -p /var/log
echo text >/var/log/cut
truncate -s 0 /var/log/cut
/root/calls
mkdir -p /tmp/acts/1 /tmp/acts/2 /tmp/acts/race
ln -s /tmp/acts/1 /tmp/near
dots=/././././././././././././././././././././././././././././././.
ln -s $dots$dots$dots/tmp/acts/2 /tmp/far
./saker-acts through /tmp/near /tmp/acts/1
./saker-acts through /tmp/far /tmp/acts/2
./saker-acts race 300 /tmp/acts/race
[ -x saker-compat ] && ./saker-compat /tmp/compat
if [ -f modules/tcrypt.ko ]; then
	./saker-acts module "" modules/dummy.ko
	# It asks for another module when it starts, and whoever is to load that one never ends.
	echo /root/modules/loader >/proc/sys/kernel/modprobe
	./saker-acts module alg=nothing modules/tcrypt.ko &
	pid=$!
	tries=0
	told='alg=nothin[g] event=finit_module' # which its own event does not match
	while ! grep -q "$told" alerts && [ $tries -lt 100 ]; do
		usleep 50000
		tries=$((tries + 1))
	done
	echo "told of $(grep -c "$told" alerts) that hangs"
	kill -9 $pid
	wait $pid
fi
mkdir /tmp/altered
while read -r way; do
	./saker-altered "$way" /tmp/altered >/dev/null && echo "altered $way"
done <ways
ifconfig lo 127.0.0.1 up
ring() {
	mkdir -p "/tmp/ring/$1/$2"
	./saker-ring "$1" "$2" "/tmp/ring/$1/$2" >said 2>&1 &
	pid=$!
	port=0
	wait $pid && while read -r word value; do
		[ "$word" = port ] && port=$value
		[ "$word" = result ] && echo "did $pid $1 $2 /tmp/ring/$1/$2 $port"
	done <said
}
for way in connect4 bind4 sendto4 sendmsg4 sendmmsg4 sendto6 sendmmsg6; do
	./saker-address $way 200 60 | sed "s/^/took $way /"
done
for way in open clone; do
	./saker-structure $way 200 60 /tmp | sed "s/^/took $way /"
done
for way in plain ring async sqpoll fixed; do
	while read -r operation; do
		ring $way "$operation"
	done <operations
done
# What is more urgent than what an rt kernel does for programs like Saker's.
ring urgent mkdirat-again
tries=0
while ! grep -q finished-here alerts && [ $tries -lt 100 ]; do
	echo last >/bin/finished-here
	usleep 50000
	tries=$((tries + 1))
done
kill -INT $saker
wait $saker
status=$?
echo "--- log"
cat log
echo "--- alerts"
grep -v '"rule":"Raced' alerts
echo "--- ended with status $status"
poweroff -f
