# SPDX-License-Identifier: Apache-2.0
"""What happens in a real container is told with the container's id and the right process."""

import pytest

from container import Container


@pytest.fixture
def container(scene):
    with Container(scene) as container:
        yield container


def test_alert_names_container_process_parent_and_user(container):
    container.run("sh", "-c", "true")
    alert = container.wait_for("Shell started in container")
    found = {name: alert.fields[name] for name in
             ("container.id", "proc.name", "proc.pname", "proc.cmdline", "user.name")}
    assert found == {"container.id": container.id[:12], "proc.name": "sh", "proc.pname": "runc",
                     "proc.cmdline": "sh -c true", "user.name": "root"}
    assert len(alert.fields["container.id"]) == 12
    assert "container" in alert["tags"]


def test_user_of_the_container_is_named(container):
    """By the container's files, which can be read for as long as it is there."""
    container.start()
    container.execute("sh", "-c", "true", user=65534)
    assert container.wait_for("Shell started in container").fields["user.name"] == "guest"


def test_shell_from_outside(container):
    """As docker exec and kubectl exec start it, beside what runs already."""
    container.start()
    container.execute("sh", "-c", "true")
    alert = container.wait_for("Shell started in container")
    assert alert.fields["proc.cmdline"] == "sh -c true"


def test_program_from_outside_is_silent(container):
    container.start()
    container.execute("/bin/act", "noop")
    container.scene.expect_none()


def test_program_of_the_image_is_no_shell_and_not_dropped(container):
    container.run("/bin/act", "noop")
    container.expect_none()


def test_starting_a_container_is_silent(container):
    """The runtime mounts, enters namespaces and takes identities before the program starts."""
    container.run("/bin/act", "noop")
    container.scene.expect_none()


def test_shell_of_a_shell_is_told_once(container):
    container.run("sh", "-c", "sh -c 'true; true'; true")
    container.wait_for("Shell started in container")
    container.scene.pass_by()
    assert len(container.scene.monitor.find(
        "Shell started in container", container.scene.since, container.is_inside)) == 1


def test_shell_of_what_calls_itself_a_shell(container):
    container.run("/bin/act", "named", "sh", "shell")
    alert = container.wait_for("Shell started in container")
    assert alert.fields["proc.pname"] == "sh", alert["output"]


def test_read_in_container_is_told_with_its_id(container):
    container.run("sh", "-c", "cat /etc/shadow; true")
    alert = container.wait_for("Sensitive file read")
    assert (alert.fields["fd.name"], alert.fields["proc.name"], alert.fields["proc.pname"]) == \
        ("/etc/shadow", "cat", "sh")


def test_dropped_program(container):
    container.run("sh", "-c", "cp /bin/act /run/dropped && /run/dropped noop")
    alert = container.wait_for("Dropped program run in container")
    assert alert.fields["proc.exepath"] == "/run/dropped"


def test_program_of_the_image_is_not_dropped(container):
    container.run("sh", "-c", "/bin/act noop; true")
    container.wait_for("Shell started in container")
    container.expect_none("Dropped program run in container")


def test_mount(container):
    container.run("/bin/act", "mount", "/mnt", capabilities=["CAP_SYS_ADMIN"])
    alert = container.wait_for("Mount made in container")
    assert alert.fields["evt.arg.dir"] == "/mnt"


def test_mount_by_the_newer_calls(container):
    container.run("/bin/act", "mount-new", "/mnt", capabilities=["CAP_SYS_ADMIN"])
    container.wait_for("Mount made in container", evt_type="fsmount")
    container.wait_for("Mount made in container", evt_type="move_mount")


def test_mount_that_is_refused_is_silent(container):
    container.run("/bin/act", "mount", "/mnt", ok=(1,))
    container.expect_none("Mount made in container")


def test_mount_on_the_host_is_silent(scene):
    scene.do("mount-private", scene.path())
    scene.expect_none("Mount made in container")


def test_host_alert_has_no_container(scene):
    scene.do("read", "/etc/shadow")
    assert scene.wait_for("Sensitive file read").fields["container.id"] in ("host", "", None)
