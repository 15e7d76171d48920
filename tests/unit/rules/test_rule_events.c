/* SPDX-License-Identifier: Apache-2.0 */
/* Which types of events the rules that users have listen to: a rule that misses one is blind. */
#include "base/bitset.h"
#include "rules_unit.h"
#include "samples.h"

enum { RULES_OF_A_ROW = 39 };

static const struct {
	const char *events; /* in the order of their kinds */
	const char *rules[RULES_OF_A_ROW];
} rows[] = {
    {"execve execveat",
     {"Basic Interactive Reconnaissance",
      "Container Run as Root User",
      "DB program spawned process",
      "Debugfs Launched in Privileged Container",
      "Decoding Payload in Container",
      "Detect crypto miners using the Stratum protocol",
      "Drop and execute new binary in container",
      "Execution from /dev/shm",
      "Fileless execution via memfd_create",
      "Find AWS Credentials",
      "Known Cryptominer Process Executed",
      "Kubernetes Client Tool Launched in Container",
      "Launch Disallowed Container",
      "Launch Excessively Capable Container",
      "Launch Ingress Remote File Copy Tools in Container",
      "Launch Package Management Process in Container",
      "Launch Privileged Container",
      "Launch Remote File Copy Tools in Container",
      "Launch Sensitive Mount Container",
      "Launch Suspicious Network Tool in Container",
      "Launch Suspicious Network Tool on Host",
      "Mount Launched in Privileged Container",
      "Netcat Remote Code Execution in Container",
      "Netcat/Socat Remote Code Execution on Host",
      "Network Tool Executed During NPM Package Install",
      "Polkit Local Privilege Escalation Vulnerability (CVE-2021-4034)",
      "Potential Local Privilege Escalation via Environment Variables Misuse",
      "Program run with disallowed http proxy env",
      "Remove Bulk Data from Disk",
      "Reverse Shell from Web Server",
      "Run shell untrusted",
      "Search Private Keys or Passwords",
      "Sudo Potential Privilege Escalation",
      "System user interactive",
      "Terminal shell in container",
      "User mgmt binaries",
      "Web Server Spawned Shell",
      "Web Server Spawned Suspicious Child Process"}},
    {"open openat openat2",
     {"Adding ssh keys to authorized_keys",
      "Backdoored library loaded into SSHD (CVE-2024-3094)",
      "Clear Log Activities",
      "Container Access to Host Sensitive Paths",
      "Detect release_agent File Container Escapes",
      "Directory traversal monitored file read",
      "Exfiltrating Artifacts via Kubernetes Control Plane",
      "Modify Container Entrypoint",
      "Modify Shell Configuration File",
      "Privileged Container Device Access",
      "Read Shell Configuration File",
      "Read environment variable from /proc files",
      "Read sensitive file trusted after startup",
      "Read sensitive file untrusted",
      "Read ssh information",
      "Write below binary dir",
      "Write below etc",
      "Write below monitored dir",
      "Write below root",
      "Write below rpm database"}},
    {"connect sendto sendmsg",
     {"Contact EC2 Instance Metadata Service From Container",
      "Contact cloud metadata service from container",
      "Detect outbound connections to common miner pool ports",
      "Disallowed SSH Connection Non Standard Port",
      "Interpreted procs outbound network activity"}},
    {"connect listen accept accept4",
     {"Network Connection outside Local Subnet", "System procs network activity",
      "Unexpected K8s NodePort Connection", "Unexpected UDP Traffic"}},
    {"fchmodat chmod fchmod", {"Container Drift Detected (chmod)", "Set Setuid or Setgid bit"}},
    {"listen accept recvfrom recvmsg accept4",
     {"Interpreted procs inbound network activity", "Unexpected inbound connection source"}},
    {"open creat openat openat2",
     {"Container Drift Detected (open+create)", "Create files below dev"}},
    {"open rmdir openat unlink unlinkat rename renameat renameat2 openat2",
     {"Delete or rename shell history", "Update Package Repository"}},
    {"ptrace", {"PTRACE anti-debug attempt", "PTRACE attached to process"}},
    {"bpf", {"BPF Program Not Profiled"}},
    {"connect", {"Contact K8S API Server From Container"}},
    {"dup dup2 dup3", {"Redirect STDOUT/STDIN to Network Connection in Container"}},
    {"init_module finit_module", {"Linux Kernel Module Injection Detected"}},
    {"link linkat", {"Create Hardlink Over Sensitive Files"}},
    {"mkdir mkdirat", {"Mkdir binary dirs"}},
    {"open execve openat openat2 execveat", {"Schedule Cron Jobs"}},
    {"open mkdir rmdir openat unlink unlinkat rename renameat mkdirat renameat2 openat2",
     {"Create Hidden Files or Directories"}},
    {"recvfrom", {"Java Process Class File Download"}},
    {"rmdir unlink unlinkat rename renameat renameat2", {"Modify binary dirs"}},
    {"setns", {"Change thread namespace"}},
    {"setuid", {"Non sudo setuid"}},
    {"socket", {"Packet socket created in container"}},
    {"symlink symlinkat", {"Create Symlink Over Sensitive Files"}},
    {"unshare", {"Change namespace privileges via unshare"}},
    {"userfaultfd", {"Unprivileged Delegation of Page Faults Handling to a Userspace Process"}},
};

static const char *events_of(const char *rule)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (size_t k = 0; k < RULES_OF_A_ROW && rows[i].rules[k]; k++)
			if (strcmp(rows[i].rules[k], rule) == 0)
				return rows[i].events;
	return "(no row)";
}

static size_t count_rows(void)
{
	size_t n = 0;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (size_t k = 0; k < RULES_OF_A_ROW && rows[i].rules[k]; k++)
			n++;
	return n;
}

static void test_each_rule_listens_to_its_events(void **state)
{
	(void)state;
	static const char *const names[] = {"falco_rules.yaml", "falco-incubating_rules.yaml",
					    "falco-sandbox_rules.yaml"};
	char paths[3][512];
	const char *list[3];

	for (size_t i = 0; i < 3; i++) {
		snprintf(paths[i], sizeof(paths[i]), "%s/upstream/rules/%s", shared_folder(),
			 names[i]);
		need_samples(paths[i]);
		list[i] = paths[i];
	}

	struct rule_set *set = rules_load(list, 3, &all_rules);

	for (size_t i = 0; i < set->rule_count; i++) {
		const struct rule *rule = &set->rules[i];
		char memory[8192], name[256];
		struct buffer b = BUFFER(memory);

		for (uint16_t kind = 0; kind < event_kind_count; kind++)
			if (bitset_has(rule->event_kinds, kind))
				buffer_printf(&b, "%s%s", b.n ? " " : "", event_kind_name(kind));
		snprintf(name, sizeof(name), "%.*s", STR_ARG(rule->name));
		check_str(buffer_str(&b), events_of(name), name);
	}
	check_i64(set->rule_count, count_rows(), "rules");
	rules_free(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_each_rule_listens_to_its_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
