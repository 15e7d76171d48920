/* SPDX-License-Identifier: Apache-2.0 */
#include "app/config_schema.h"

static const char *const severities[] = {"emergency", "alert",  "critical",      "error",
					 "warning",   "notice", "informational", "debug",
					 "info",      NULL};
static const char *const engines[] = {"modern_ebpf", "kmod", "ebpf", "replay", "nodriver", NULL};
static const char *const matchings[] = {"first", "all", NULL};
static const char *const capture_modes[] = {"rules", "all_rules", NULL};

/* clang-format off: one row a line reads as the table it is. */

#define ROW(k, t, f, d, text) .key = k, .type = t, .flags = f, .fallback = d, .description = text
#define AT(member) .offset = offsetof(struct config, member)

#define BOOL(key, fallback, member, description)                                                   \
	{                                                                                          \
		ROW(key, CONFIG_BOOL, 0, fallback, description), AT(member)                        \
	}
#define NUMBER(key, fallback, member, smallest, largest, description)                              \
	{                                                                                          \
		ROW(key, CONFIG_NUMBER, 0, fallback, description), AT(member), .least = smallest,  \
									       .most = largest     \
	}
#define STRING(key, fallback, member, description)                                                 \
	{                                                                                          \
		ROW(key, CONFIG_STRING, 0, fallback, description), AT(member)                      \
	}
#define STRINGS(key, fallback, member, description)                                                \
	{                                                                                          \
		ROW(key, CONFIG_STRINGS, 0, fallback, description), AT(member)                     \
	}
#define CHOICE(key, fallback, member, names, description)                                          \
	{                                                                                          \
		ROW(key, CONFIG_CHOICE, 0, fallback, description), AT(member), .choices = names    \
	}
#define SEVERITY(key, fallback, member, description)                                               \
	{                                                                                          \
		ROW(key, CONFIG_SEVERITY, 0, fallback, description), AT(member),                   \
		    .choices = severities                                                          \
	}
#define PART(key, type, fallback, description)                                                     \
	{                                                                                          \
		ROW(key, type, 0, fallback, description)                                           \
	}
#define IGNORED(key, type, fallback, description)                                                  \
	{                                                                                          \
		ROW(key, type, CONFIG_IGNORED, fallback, description), .most = UINT64_MAX          \
	}
#define IGNORED_CHOICE(key, fallback, names, description)                                          \
	{                                                                                          \
		ROW(key, CONFIG_CHOICE, CONFIG_IGNORED, fallback, description), .choices = names   \
	}
#define LIST(key, flags, description)                                                              \
	{                                                                                          \
		ROW(key, CONFIG_MAP, CONFIG_LIST | (flags), "[]", description)                     \
	}

const struct config_row config_rows[] = {
    STRINGS("rules_files", "[/etc/saker/saker_rules.yaml, /etc/saker/rules.d]", rules_files,
	    "Rules files, and directories whose *.yaml and *.yml files are read in alphabetical "
	    "order. Later files override earlier ones. Those that do not exist are left out; files "
	    "named with -r must exist and replace this list."),
    {ROW("rules_file", CONFIG_STRINGS, CONFIG_ALIAS, "[]", "Older name of rules_files."),
     AT(rules_files)},
    LIST("rules", 0,
	 "Enables and disables rules, entry by entry in this order; the last entry that fits a "
	 "rule decides."),
    PART("rules[].enable", CONFIG_MAP, "{}",
	 "Rules to enable: `rule: NAME` (* stands for any text) or `tag: TAG`."),
    PART("rules[].disable", CONFIG_MAP, "{}", "Rules to disable, in the same form."),
    CHOICE("rule_matching", "first", rule_matching, matchings,
	   "Whether an event gives an alert for the first rule that holds, or one for each."),
    SEVERITY("priority", "debug", priority, "Least priority: rules below it are not loaded."),
    LIST("append_output", 0,
	 "Text to add to the outputs of rules, those that fit `match` or all of them."),
    PART("append_output[].match", CONFIG_MAP, "{}",
	 "Which rules: `rule` (its name), `source`, `tags` (the rule has all of them); all that "
	 "are given must fit."),
    PART("append_output[].extra_output", CONFIG_STRING, "\"\"",
	 "Text, with fields, that is added to the output."),
    PART(
	"append_output[].extra_fields", CONFIG_MAP, "[]",
	"What is added to output_fields of JSON: fields, or `NAME: TEXT` with fields in the text."),
    IGNORED("append_output[].suggested_output", CONFIG_BOOL, "true",
	    "Adds the fields that a plugin suggests."),

    BOOL("json_output", "false", json_output,
	 "Alerts as JSON, one object a line, instead of text."),
    BOOL("json_include_output_property", "true", json_include_output,
	 "JSON alerts carry `output`: time, priority and the rule's output as in text."),
    BOOL("json_include_message_property", "false", json_include_message,
	 "JSON alerts carry `message`: the rule's output without time and priority."),
    BOOL("json_include_output_fields_property", "true", json_include_output_fields,
	 "JSON alerts carry `output_fields`: the values of the output's fields."),
    BOOL("json_include_tags_property", "true", json_include_tags,
	 "JSON alerts carry `tags`: the rule's tags."),
    BOOL("time_format_iso_8601", "false", time_iso_8601,
	 "Times in alerts as 2026-01-31T12:00:00.000000000+0000 instead of 12:00:00.000000000; "
	 "both are local time."),
    BOOL("buffered_outputs", "false", buffered_outputs,
	 "Write alerts only when a buffer is full: cheaper with very many of them, but they come "
	 "late."),
    NUMBER("outputs_queue.capacity", "0", queue_capacity, 0, 1 << 24,
	   "Alerts that may wait for each output; further ones are dropped and counted. 0: 8192. "
	   "Whatever their number, no more than 16 MiB wait."),
    BOOL("stdout_output.enabled", "true", stdout_enabled, "Alerts to standard output."),

    BOOL("log_stderr", "true", log_stderr, "The program's own messages to standard error."),
    BOOL("log_syslog", "true", log_syslog, "The program's own messages to syslog."),
    SEVERITY("log_level", "info", log_level, "Least severity of the program's own messages."),

    CHOICE("engine.kind", "modern_ebpf", engine_kind, engines,
	   "Where events come from. kmod and ebpf are read and treated as modern_ebpf."),
    NUMBER("engine.modern_ebpf.buf_size_preset", "4", buf_size_preset, 1, 10,
	   "Size of each ring between kernel and program: 1 is 1 MiB, each step doubles it, 10 is "
	   "512 MiB."),
    NUMBER("engine.modern_ebpf.cpus_for_each_buffer", "2", cpus_for_each_buffer, 0, 4096,
	   "How many CPUs share a ring; 0: one ring for all."),
    BOOL("engine.modern_ebpf.drop_failed_exit", "false", drop_failed_exit,
	 "Do not report system calls that failed."),
    BOOL("engine.modern_ebpf.disable_iterators", "false", disable_iterators,
	 "Read the processes that exist at the start from /proc instead of asking the kernel's "
	 "iterator."),
    IGNORED("engine.kmod.buf_size_preset", CONFIG_NUMBER, "4",
	    "Of the kernel module; there is none."),
    IGNORED("engine.kmod.drop_failed_exit", CONFIG_BOOL, "false",
	    "Of the kernel module; there is none."),
    IGNORED("engine.ebpf.probe", CONFIG_STRING, "\"\"", "Of the older eBPF driver; there is none."),
    IGNORED("engine.ebpf.buf_size_preset", CONFIG_NUMBER, "4",
	    "Of the older eBPF driver; there is none."),
    IGNORED("engine.ebpf.drop_failed_exit", CONFIG_BOOL, "false",
	    "Of the older eBPF driver; there is none."),
    STRING("engine.replay.capture_file", "\"\"", capture_file,
	   "With engine.kind: replay, the capture whose events are judged; - is standard input."),
    STRINGS("base_syscalls.custom_set", "[]", base_syscalls,
	    "System calls to collect beside those that rules need: a name adds one, !name leaves "
	    "one out."),
    BOOL("base_syscalls.repair", "false", base_syscalls_repair,
	 "Accepted for compatibility: state repairs itself from every event, so there is nothing "
	 "to choose."),
    BOOL("base_syscalls.all", "false", base_syscalls_all,
	 "Collect all system calls that have an event, needed or not."),
    NUMBER("falco_libs.snaplen", "80", snaplen, 0, 65535,
	   "Bytes of read and written buffers that events carry."),
    NUMBER("falco_libs.thread_table_size", "262144", thread_table_size, 1024, 1 << 24,
	   "Threads that are remembered; events of further ones are judged by what they bring "
	   "themselves."),
    IGNORED("falco_libs.thread_table_auto_purging_interval_s", CONFIG_NUMBER, "300",
	    "Processes are forgotten when they end; nothing is to be purged."),
    IGNORED("falco_libs.thread_table_auto_purging_thread_timeout_s", CONFIG_NUMBER, "300",
	    "Processes are forgotten when they end; nothing is to be purged."),

    IGNORED("config_files", CONFIG_STRINGS, "[/etc/falco/config.d]",
	    "Further configuration files."),
    IGNORED("watch_config_files", CONFIG_BOOL, "true",
	    "Reload when the configuration or a rules file changes."),
    IGNORED("buffer_format_base64", CONFIG_BOOL, "false", "Buffers in outputs as base64."),
    IGNORED("capture.enabled", CONFIG_BOOL, "false", "Write captures around alerts."),
    IGNORED("capture.path_prefix", CONFIG_STRING, "/tmp/falco", "How the names of captures begin."),
    IGNORED_CHOICE("capture.mode", "rules", capture_modes,
		   "For rules with `capture: true` or for all."),
    IGNORED("capture.default_duration", CONFIG_NUMBER, "5000",
	    "Milliseconds that a capture goes on after its alert."),
    IGNORED("load_plugins", CONFIG_STRINGS, "[]", "Plugins to load."),
    LIST("plugins", CONFIG_IGNORED, "Plugins and their settings."),
    IGNORED("plugins[].name", CONFIG_STRING, "\"\"", "Name of the plugin."),
    IGNORED("plugins[].library_path", CONFIG_STRING, "\"\"", "Its library."),
    IGNORED("plugins[].init_config", CONFIG_MAP, "{}", "What it is started with."),
    IGNORED("plugins[].open_params", CONFIG_STRING, "\"\"", "What its source is opened with."),
    IGNORED("plugins_hostinfo", CONFIG_BOOL, "true", "Tell plugins of the host."),
    IGNORED("syslog_output.enabled", CONFIG_BOOL, "true", "Alerts to syslog."),
    IGNORED("file_output.enabled", CONFIG_BOOL, "false", "Alerts to a file."),
    IGNORED("file_output.keep_alive", CONFIG_BOOL, "false", "Keep the file open."),
    IGNORED("file_output.filename", CONFIG_STRING, "./events.txt", "The file."),
    IGNORED("http_output.enabled", CONFIG_BOOL, "false", "Alerts to a web server."),
    IGNORED("http_output.url", CONFIG_STRING, "\"\"", "Its address."),
    IGNORED("http_output.user_agent", CONFIG_STRING, "falcosecurity/falco",
	    "How we name ourselves to it."),
    IGNORED("http_output.insecure", CONFIG_BOOL, "false", "Do not check its certificate."),
    IGNORED("http_output.ca_cert", CONFIG_STRING, "\"\"",
	    "Certificate of the authority that vouches for it."),
    IGNORED("http_output.ca_bundle", CONFIG_STRING, "\"\"", "The same, several in one file."),
    IGNORED("http_output.ca_path", CONFIG_STRING, "/etc/ssl/certs", "The same, a directory."),
    IGNORED("http_output.mtls", CONFIG_BOOL, "false", "Show it a certificate of ours."),
    IGNORED("http_output.client_cert", CONFIG_STRING, "/etc/ssl/certs/client.crt",
	    "That certificate."),
    IGNORED("http_output.client_key", CONFIG_STRING, "/etc/ssl/certs/client.key", "Its key."),
    IGNORED("http_output.echo", CONFIG_BOOL, "false", "Print what it answers."),
    IGNORED("http_output.compress_uploads", CONFIG_BOOL, "false", "Compress what is sent."),
    IGNORED("http_output.keep_alive", CONFIG_BOOL, "false", "Keep the connection."),
    IGNORED("http_output.max_consecutive_timeouts", CONFIG_NUMBER, "5",
	    "Timeouts in a row until the connection is made anew."),
    IGNORED("program_output.enabled", CONFIG_BOOL, "false",
	    "Alerts to a program's standard input."),
    IGNORED("program_output.keep_alive", CONFIG_BOOL, "false", "Keep the program running."),
    IGNORED("program_output.program", CONFIG_STRING,
	    "jq '{text: .output}' | curl -d @- -X POST https://hooks.slack.com/services/XXX",
	    "The program, run by a shell."),
    IGNORED("webserver.enabled", CONFIG_BOOL, "true", "Serve health and metrics."),
    IGNORED("webserver.threadiness", CONFIG_NUMBER, "0", "Its threads."),
    IGNORED("webserver.listen_port", CONFIG_NUMBER, "8765", "Its port."),
    IGNORED("webserver.listen_address", CONFIG_STRING, "0.0.0.0", "Its address."),
    IGNORED("webserver.k8s_healthz_endpoint", CONFIG_STRING, "/healthz",
	    "Path of the health endpoint."),
    IGNORED("webserver.prometheus_metrics_enabled", CONFIG_BOOL, "false", "Serve metrics."),
    IGNORED("webserver.ssl_enabled", CONFIG_BOOL, "false", "Serve with TLS."),
    IGNORED("webserver.ssl_certificate", CONFIG_STRING, "/etc/falco/falco.pem",
	    "Its certificate and key."),
    IGNORED("libs_logger.enabled", CONFIG_BOOL, "true", "Messages of the libraries."),
    IGNORED_CHOICE("libs_logger.severity", "info", severities, "Least severity of them."),
    IGNORED("output_timeout", CONFIG_NUMBER, "2000",
	    "Milliseconds until a slow output is complained of."),
    IGNORED("syscall_event_timeouts.max_consecutives", CONFIG_NUMBER, "1000",
	    "Waits without an event until that is reported."),
    IGNORED("syscall_event_drops.threshold", CONFIG_REAL, "0.1",
	    "Share of lost events from which on something is done."),
    IGNORED("syscall_event_drops.actions", CONFIG_STRINGS, "[log, alert]", "What is done."),
    IGNORED("syscall_event_drops.rate", CONFIG_REAL, "0.03333", "How often, per second."),
    IGNORED("syscall_event_drops.max_burst", CONFIG_NUMBER, "1", "How often in a row."),
    IGNORED("syscall_event_drops.simulate_drops", CONFIG_BOOL, "false", "For tests."),
    IGNORED("metrics.enabled", CONFIG_BOOL, "false", "Report metrics at intervals."),
    IGNORED("metrics.interval", CONFIG_STRING, "1h", "The interval."),
    IGNORED("metrics.output_rule", CONFIG_BOOL, "true", "As an alert."),
    IGNORED("metrics.output_file", CONFIG_STRING, "\"\"", "To a file."),
    IGNORED("metrics.rules_counters_enabled", CONFIG_BOOL, "true", "Count matches by rule."),
    IGNORED("metrics.resource_utilization_enabled", CONFIG_BOOL, "true", "CPU and memory."),
    IGNORED("metrics.state_counters_enabled", CONFIG_BOOL, "true", "Processes and threads."),
    IGNORED("metrics.kernel_event_counters_enabled", CONFIG_BOOL, "true", "Events and drops."),
    IGNORED("metrics.kernel_event_counters_per_cpu_enabled", CONFIG_BOOL, "false", "By CPU."),
    IGNORED("metrics.libbpf_stats_enabled", CONFIG_BOOL, "true",
	    "Run times of the probe's programs."),
    IGNORED("metrics.plugins_metrics_enabled", CONFIG_BOOL, "true", "Of plugins."),
    IGNORED("metrics.kernel_iter_event_counters_enabled", CONFIG_BOOL, "true",
	    "Of the kernel's iterators."),
    IGNORED("metrics.jemalloc_stats_enabled", CONFIG_BOOL, "false",
	    "Of an allocator that is not used."),
    IGNORED("metrics.convert_memory_to_mb", CONFIG_BOOL, "true", "Memory in MB."),
    IGNORED("metrics.include_empty_values", CONFIG_BOOL, "false", "Counters that are 0, too."),
};

/* clang-format on */

const size_t config_row_count = sizeof(config_rows) / sizeof(*config_rows);

const struct config_row *config_row_find(struct str key)
{
	for (size_t i = 0; i < config_row_count; i++)
		if (str_equal_c(key, config_rows[i].key))
			return &config_rows[i];
	return NULL;
}

const char *config_type_name(enum config_type type)
{
	static const char *const names[] = {
	    [CONFIG_BOOL] = "boolean",
	    [CONFIG_NUMBER] = "number",
	    [CONFIG_REAL] = "number",
	    [CONFIG_STRING] = "string",
	    [CONFIG_STRINGS] = "list of strings",
	    [CONFIG_CHOICE] = "choice",
	    [CONFIG_SEVERITY] = "severity",
	    [CONFIG_MAP] = "map",
	};

	return names[type];
}
