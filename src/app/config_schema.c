/* SPDX-License-Identifier: Apache-2.0 */
#include "app/config_schema.h"

static const char *const severities[] = {"emergency", "alert",  "critical",      "error",
					 "warning",   "notice", "informational", "debug",
					 "info",      NULL};
static const char *const library_severities[] = {"fatal", "critical", "error", "warning", "notice",
						 "info",  "debug",    "trace", NULL};
static const char *const engines[] = {"modern_ebpf", "kmod", "ebpf", "replay", "nodriver", NULL};
static const char *const matchings[] = {"first", "all", NULL};
static const char *const kubernetes_sources[] = {"api", "kubelet", NULL};
static const char *const recoveries[] = {"continue", "exit", "empty", NULL};
static const char *const capture_modes[] = {"rules", "all_rules", NULL};
static const char *const capture_collects[] = {"all", "rules", NULL};
static const char *const drop_actions[] = {"ignore", "log", "alert", "exit", NULL};

/* One row a line reads as the table it is. */
/* clang-format off */

#define ROW(k, t, d, text) .key = k, .type = t, .fallback = d, .description = text
#define AT(member) .offset = offsetof(struct config, member)
#define UP_TO(l, m) .least = l, .most = m

#define BOOL(key, d, member, text) ROW(key, CONFIG_BOOL, d, text), AT(member)
#define NUMBER(key, d, member, l, m, text) ROW(key, CONFIG_NUMBER, d, text), AT(member), UP_TO(l, m)
#define REAL(key, d, member, l, m, text) ROW(key, CONFIG_REAL, d, text), AT(member), UP_TO(l, m)
#define STRING(key, d, member, text) ROW(key, CONFIG_STRING, d, text), AT(member)
#define STRINGS(key, d, member, text) ROW(key, CONFIG_STRINGS, d, text), AT(member)
#define CHOICE(key, d, member, names, text)                                                        \
	ROW(key, CONFIG_CHOICE, d, text), AT(member), .choices = names
#define SEVERITY(key, d, member, text)                                                             \
	ROW(key, CONFIG_SEVERITY, d, text), AT(member), .choices = severities
#define DURATION(key, d, member, l, text)                                                          \
	ROW(key, CONFIG_DURATION, d, text), AT(member), UP_TO(l, UINT64_MAX)

/* Of a list, or kept nowhere. */
#define PART(key, type, d, text) ROW(key, type, d, text), UP_TO(0, UINT32_MAX)
#define LIST(key, d, text) ROW(key, CONFIG_LIST, d, text)

#define SCALARS "\"string\",\"number\",\"boolean\",\"null\""

#define START .at_start_only = true
#define NO_EFFECT(key, type, d, reason) PART(key, type, d, ""), .why = reason
#define OLD(name, of, type) ROW(name, type, "", "Older name of `" of "`."), .current = of

#define NO_MODULE "there is no kernel module"
#define NO_OLD_EBPF "the older eBPF driver is not there; engine.modern_ebpf has the same keys"
#define NO_GRPC "there is no gRPC server; it was removed from Falco, too"
#define NO_GVISOR "there is no gVisor engine; it was removed from Falco, too"
#define NO_PURGE "processes are forgotten when they end; nothing is to be purged"
#define NO_LIMIT "alerts are not limited in number; it was removed from Falco, too"

const struct config_row config_rows[] = {
    {PART("config_files", CONFIG_MAP, "[]",
	  "Further configuration files, and directories of them (all their files, by name), merged "
	  "into "
	  "this one in order: a path, or `path` with a `strategy`: `append` (the default: lists "
	  "grow, "
	  "everything else is replaced), `override` (lists are replaced, too), `add-only` (only "
	  "keys "
	  "that are not there). It is keys of the top level that are merged. Those that do not "
	  "exist "
	  "are left out. Only the main file may have this key."),
     .schema = "{\"type\":[\"array\"," SCALARS "],\"items\":{\"type\":[\"object\",\"string\","
	       "\"number\",\"boolean\"],\"required\":[\"path\"],\"additionalProperties\":false,"
	       "\"properties\":{\"path\":{\"type\":[" SCALARS "]},\"strategy\":{\"enum\":"
	       "[\"append\",\"override\",\"add-only\",null]}}}}"},
    {BOOL("watch_config_files", "true", watch_config_files,
	  "Reload when the configuration or a rules file changes."),
     START},
    {STRINGS(
	"rules_files", "[/etc/saker/saker_rules.yaml, /etc/saker/rules.d]", rules_files,
	"Rules files, and directories whose *.yaml and *.yml files are read in alphabetical order. "
	"Later files override earlier ones. Those that do not exist are left out; files named with "
	"-r must exist and replace this list.")},
    {OLD("rules_file", "rules_files", CONFIG_STRINGS), AT(rules_files)},
    {LIST(
	"rules", "[]",
	"Enables and disables rules, entry by entry in this order; the last entry that fits a rule "
	"decides.")},
    {PART("rules[].enable.rule", CONFIG_STRING, "",
	  "Name of the rules to enable; * stands for any text.")},
    {PART("rules[].enable.tag", CONFIG_STRING, "", "A tag of the rules to enable.")},
    {PART("rules[].disable.rule", CONFIG_STRING, "",
	  "Name of the rules to disable; * stands for any text.")},
    {PART("rules[].disable.tag", CONFIG_STRING, "", "A tag of the rules to disable.")},
    {CHOICE("rule_matching", "first", rule_matching, matchings,
	    "Whether an event gives an alert for the first rule that holds, or one for each.")},
    {SEVERITY("priority", "debug", priority, "Least priority: rules below it are not loaded.")},
    {LIST("append_output", "[{suggested_output: true}]",
	  "Text to add to the outputs of rules, those that fit `match` or all of them.")},
    {PART("append_output[].match.rule", CONFIG_STRING, "",
	  "Name of the rule; all that is given of the match must fit.")},
    {PART("append_output[].match.source", CONFIG_STRING, "", "Event source of the rules.")},
    {PART("append_output[].match.tags", CONFIG_STRINGS, "[]",
	  "Tags of the rules, which have all of them.")},
    {PART("append_output[].extra_output", CONFIG_STRING, "",
	  "Text, with fields, that is added to the output.")},
    {PART("append_output[].extra_fields", CONFIG_MAP, "[]",
	  "What is added to output_fields of JSON: fields, or `NAME: TEXT` with fields in the "
	  "text."),
     .schema = "{\"type\":[\"array\",\"null\"],\"items\":{\"type\":[" SCALARS
	       ",\"object\"],\"additionalProperties\":{\"type\":[" SCALARS "]}}}"},
    {PART(
	"append_output[].suggested_output", CONFIG_BOOL, "false",
	"Adds the fields that are suggested: `static_fields`, and of the plugins container and k8smeta, if they are "
	"loaded, id, name and image of the container and the pod's name and namespace.")},
    {PART("static_fields", CONFIG_MAP, "{}",
	  "Names and values of one's own: conditions and outputs have them as fields "
	  "`static.NAME`. Where `append_output` has `suggested_output`, `static_NAME=value` stands "
	  "behind every output."),
     .schema = "{\"type\":[\"object\",\"null\"],\"additionalProperties\":{\"type\":[" SCALARS "]}}"},

    {BOOL("json_output", "false", json_output,
	  "Alerts as JSON, one object a line, instead of text.")},
    {BOOL("json_include_output_property", "true", json_include_output,
	  "JSON alerts carry `output`: time, priority and the rule's output as in text.")},
    {BOOL("json_include_message_property", "false", json_include_message,
	  "JSON alerts carry `message`: the rule's output without time and priority.")},
    {BOOL("json_include_output_fields_property", "true", json_include_output_fields,
	  "JSON alerts carry `output_fields`: the values of the output's fields.")},
    {BOOL("json_include_tags_property", "true", json_include_tags,
	  "JSON alerts carry `tags`: the rule's tags.")},
    {BOOL(
	"time_format_iso_8601", "false", time_iso_8601,
	"Times in alerts as 2026-01-31T12:00:00.000000000+0000 instead of 12:00:00.000000000, and "
	"to the second in the program's own messages. Alerts tell local time, messages UTC.")},
    {BOOL("buffer_format_base64", "false", buffer_base64,
	  "Buffers in outputs as base64 instead of their printable characters.")},
    {BOOL("buffered_outputs", "false", buffered_outputs,
	  "Write alerts only when a buffer is full: cheaper with very many of them, but they come "
	  "late.")},
    {PART("container_engines", CONFIG_MAP, "{}",
	  "Older than `init_config.engines` of the plugin container, and the same: which container "
	  "runtimes are asked, and their sockets. What both say, the plugin says."),
     .schema = "{\"type\":[\"object\",\"null\"],\"additionalProperties\":{\"type\":\"object\"}}"},
    {NUMBER("container_metadata.wait_ms", "500", container_wait_ms, 0, 60000,
	    "How long an alert of a container waits, at most, for what its runtime tells of it, in "
	    "ms. One that goes out without is marked and counted."),
     START},
    {BOOL("kubernetes_metadata.enabled", "false", kubernetes.is_enabled,
	  "Ask Kubernetes what it knows of this node's pods: fields `k8smeta.*`. The plugin k8smeta "
	  "among `plugins` asks for it, too."),
     START},
    {CHOICE("kubernetes_metadata.source", "api", kubernetes.source, kubernetes_sources,
	    "Who tells of the pods: the API server, which is watched, or this node's kubelet, "
	    "which is asked every `poll_s`. What pods belong to is asked of the API server in "
	    "any case."),
     START},
    {STRING("kubernetes_metadata.api_server", "", kubernetes.api_server,
	    "The API server: https://HOST:PORT. Empty: where KUBERNETES_SERVICE_HOST says, which "
	    "pods have."),
     START},
    {STRING("kubernetes_metadata.kubelet", "https://127.0.0.1:10250", kubernetes.kubelet,
	    "The kubelet, if it is the source."),
     START},
    {STRING("kubernetes_metadata.node_name", "", kubernetes.node_name,
	    "This node's name in the cluster. Empty: what the plugin's nodeName says, or "
	    "SAKER_NODE_NAME, FALCO_K8S_NODE_NAME or NODE_NAME of the environment, or the machine's "
	    "name."),
     START},
    {STRING("kubernetes_metadata.token_file",
	    "/var/run/secrets/kubernetes.io/serviceaccount/token", kubernetes.token_file,
	    "File of the token that requests carry over TLS; read for each, since it is renewed. "
	    "Empty: none."),
     START},
    {STRING("kubernetes_metadata.ca_file",
	    "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt", kubernetes.ca_file,
	    "Certificates that the API server's is checked with. Empty: the system's."),
     START},
    {STRING("kubernetes_metadata.kubelet_ca_file", "", kubernetes.kubelet_ca_file,
	    "The same of the kubelet. Empty: `ca_file`."),
     START},
    {BOOL("kubernetes_metadata.verify_tls", "true", kubernetes.verifies,
	  "Check certificates. Without, whoever is between may read the token and lie."),
     START},
    {NUMBER("kubernetes_metadata.requests_per_second", "20", kubernetes.requests_per_second, 1, 1000,
	    "Requests at most, on average; five seconds' worth may be made at once."),
     START},
    {NUMBER("kubernetes_metadata.refresh_s", "300", kubernetes.refresh_s, 5, 86400,
	    "Seconds after which owners, namespaces and services of pods are asked for again."),
     START},
    {NUMBER("kubernetes_metadata.poll_s", "10", kubernetes.poll_s, 1, 3600,
	    "Seconds after which the kubelet is asked again, if it is the source. Where a pod is "
	    "not known it is asked at once."),
     START},
    {NUMBER("outputs_queue.capacity", "0", queue_capacity, 0, 1 << 24,
	    "Alerts that may wait for each output; further ones are dropped and counted. 0: 8192. "
	    "Whatever their number, no more than 16 MiB wait.")},
    {CHOICE("outputs_queue.recovery", "continue", queue_recovery, recoveries,
	    "What is done about an alert that a full queue has no room for: it is dropped "
	    "(continue), the program ends as well (exit), or what waits is dropped for it (empty). "
	    "Urgent alerts (Critical and above) have room of their own. Dropped alerts are counted by output and cause.")},
    {NUMBER("output_timeout", "2000", output_timeout_ms, 0, INT32_MAX,
	    "Milliseconds that one alert may hold up its output before the log says so. Syslog "
	    "and programs that take nothing for so long are given up, a web server may take five "
	    "times as long; at the end of the program outputs have that time to deliver what "
	    "waits.")},
    {BOOL("stdout_output.enabled", "true", stdout_enabled, "Alerts to standard output.")},
    {BOOL("syslog_output.enabled", "true", syslog_enabled,
	  "Alerts to journald, with rule, source and tags as fields, or else to syslog.")},
    {BOOL("file_output.enabled", "false", file_output.enabled,
	  "Alerts to a file, one a line, appended.")},
    {BOOL("file_output.keep_alive", "false", file_output.keep_alive,
	  "Keep the file open; else it is opened for every alert.")},
    {STRING("file_output.filename", "./events.txt", file_output.filename, "The file.")},
    {BOOL("program_output.enabled", "false", program_output.enabled,
	  "Alerts to a program's standard input.")},
    {BOOL("program_output.keep_alive", "false", program_output.keep_alive,
	  "Keep the program running, with an alert a line; else it is started for every alert.")},
    {STRING("program_output.program",
	    "jq '{text: .output}' | curl -d @- -X POST https://hooks.slack.com/services/XXX",
	    program_output.program, "The program, run by a shell.")},
    {BOOL("http_output.enabled", "false", http_output.enabled, "Alerts to a web server.")},
    {STRING("http_output.url", "", http_output.url, "Its address.")},
    {STRING("http_output.user_agent", "falcosecurity/falco", http_output.user_agent,
	    "How the program names itself to it.")},
    {BOOL("http_output.insecure", "false", http_output.insecure, "Do not check its certificate.")},
    {STRING("http_output.ca_cert", "", http_output.ca_cert,
	    "File with the certificate of the authority that vouches for it.")},
    {STRING("http_output.ca_bundle", "", http_output.ca_bundle, "The same, several in one file.")},
    {STRING("http_output.ca_path", "/etc/ssl/certs", http_output.ca_path,
	    "The same, a directory of files.")},
    {BOOL("http_output.mtls", "false", http_output.mtls, "Show it a certificate of ours.")},
    {STRING("http_output.client_cert", "/etc/ssl/certs/client.crt", http_output.client_cert,
	    "That certificate.")},
    {STRING("http_output.client_key", "/etc/ssl/certs/client.key", http_output.client_key,
	    "Its key.")},
    {BOOL("http_output.echo", "false", http_output.echo, "Print what it answers.")},
    {BOOL("http_output.compress_uploads", "false", http_output.compress_uploads,
	  "Compress what is sent.")},
    {BOOL("http_output.keep_alive", "false", http_output.keep_alive, "Keep the connection.")},
    {NUMBER("http_output.max_consecutive_timeouts", "5", http_output.max_consecutive_timeouts, 0,
	    UINT8_MAX, "Timeouts in a row that are borne.")},

    {BOOL("log_stderr", "true", log_stderr, "The program's own messages to standard error."),
     START},
    {BOOL("log_syslog", "true", log_syslog, "The program's own messages to syslog."), START},
    {SEVERITY("log_level", "info", log_level, "Least severity of the program's own messages.")},
    {NO_EFFECT("libs_logger.enabled", CONFIG_BOOL, "true",
	       "there are no libraries with messages of their own; log_level decides")},
    {NO_EFFECT("libs_logger.severity", CONFIG_CHOICE, "info",
	       "there are no libraries with messages of their own; log_level decides"),
     .choices = library_severities},

    {CHOICE("engine.kind", "modern_ebpf", engine_kind, engines,
	    "Where events come from: the kernel (kmod and ebpf are read and mean modern_ebpf), a "
	    "capture, "
	    "or with nodriver only other sources than system calls."),
     START},
    {NUMBER("engine.modern_ebpf.buf_size_preset", "4", buf_size_preset, 1, 10,
	    "Size of each ring between kernel and program: 1 is 1 MiB, each step doubles it, 10 is "
	    "512 MiB."),
     START},
    {NUMBER("engine.modern_ebpf.cpus_for_each_buffer", "2", cpus_for_each_buffer, 0, 4096,
	    "How many CPUs share a ring; 0: one ring for all."),
     START},
    {BOOL("engine.modern_ebpf.drop_failed_exit", "false", drop_failed_exit,
	  "Do not report system calls that failed."),
     START},
    {BOOL("engine.modern_ebpf.discard_in_kernel", "true", discard_in_kernel,
	  "Let the kernel discard events for which no rule can hold, before anything is copied."),
     START},
    {NUMBER("engine.modern_ebpf.discard_sample", "1024", discard_sample, 0, UINT32_MAX,
	    "Report one in so many of those all the same, and count those for which a rule holds; "
	    "0: none."),
     START},
    {BOOL("engine.modern_ebpf.disable_iterators", "false", disable_iterators,
	  "Read the processes that exist at the start from /proc instead of asking the kernel's "
	  "iterator."),
     START},
    {STRING("engine.replay.capture_file", "", capture_file,
	    "With engine.kind: replay, the capture whose events are judged; - is standard input."),
     START},
    {NO_EFFECT("engine.kmod.buf_size_preset", CONFIG_NUMBER, "4", NO_MODULE)},
    {NO_EFFECT("engine.kmod.drop_failed_exit", CONFIG_BOOL, "false", NO_MODULE)},
    {NO_EFFECT("engine.ebpf.probe", CONFIG_STRING, "", NO_OLD_EBPF)},
    {NO_EFFECT("engine.ebpf.buf_size_preset", CONFIG_NUMBER, "4", NO_OLD_EBPF)},
    {NO_EFFECT("engine.ebpf.drop_failed_exit", CONFIG_BOOL, "false", NO_OLD_EBPF)},
    {NO_EFFECT("engine.gvisor.config", CONFIG_STRING, "", NO_GVISOR)},
    {NO_EFFECT("engine.gvisor.root", CONFIG_STRING, "", NO_GVISOR)},
    {OLD("syscall_buf_size_preset", "engine.modern_ebpf.buf_size_preset", CONFIG_NUMBER),
     AT(buf_size_preset), UP_TO(1, 10)},
    {OLD("modern_bpf.cpus_for_each_syscall_buffer", "engine.modern_ebpf.cpus_for_each_buffer",
	 CONFIG_NUMBER),
     AT(cpus_for_each_buffer), UP_TO(0, 4096)},
    {OLD("syscall_drop_failed_exit", "engine.modern_ebpf.drop_failed_exit", CONFIG_BOOL),
     AT(drop_failed_exit)},
    {STRINGS(
	 "base_syscalls.custom_set", "[]", base_syscalls,
	 "System calls to collect beside those that rules need: a name adds one, !name leaves one "
	 "out."),
     START},
    {NO_EFFECT("base_syscalls.repair", CONFIG_BOOL, "false",
	       "state repairs itself from every event, so there is nothing to choose")},
    {BOOL("base_syscalls.all", "false", base_syscalls_all,
	  "Collect all system calls that have an event, needed or not."),
     START},
    {NUMBER("falco_libs.snaplen", "80", snaplen, 0, 65535,
	    "Bytes of read and written buffers that events carry."),
     START},
    {NUMBER("falco_libs.thread_table_size", "262144", thread_table_size, 1024, 1 << 24,
	    "Threads that are remembered; events of further ones are judged by what they bring "
	    "themselves."),
     START},
    {NO_EFFECT("falco_libs.thread_table_auto_purging_interval_s", CONFIG_NUMBER, "300", NO_PURGE)},
    {NO_EFFECT("falco_libs.thread_table_auto_purging_thread_timeout_s", CONFIG_NUMBER, "300",
	       NO_PURGE)},

    {BOOL("capture.enabled", "false", capture.enabled,
	  "Write captures around alerts: of the moments before, of the alert's event and of what "
	  "follows."),
     START},
    {STRING("capture.path_prefix", "/tmp/falco", capture.path_prefix,
	    "How the names of captures begin; time and number of the alert's event follow, and "
	    ".scap."),
     START},
    {CHOICE("capture.mode", "rules", capture.mode, capture_modes,
	    "For alerts of rules with `capture: true`, or of all rules."),
     START},
    {NUMBER("capture.default_duration", "5000", capture.default_duration_ms, 0, UINT32_MAX,
	    "Milliseconds that a capture goes on after its alert, where the rule has no "
	    "`capture_duration`. A further alert in that time makes it longer."),
     START},
    {NUMBER("capture.max_file_size_mb", "0", capture.max_file_size_mb, 0, 1048576,
	    "Megabytes at which a capture ends; 0: no limit."),
     START},
    {NUMBER("capture.before_mb", "8", capture.before_mb, 0, 1024,
	    "Megabytes of events that are kept in memory, for captures to begin with."),
     START},
    {NUMBER("capture.max_files", "100", capture.max_files, 0, 1000000,
	    "Captures with that prefix; the oldest are removed when there are more. 0: no limit."),
     START},
    {NUMBER("capture.max_total_size_mb", "1000", capture.max_total_size_mb, 0, 1048576,
	    "Megabytes of them together; the oldest are removed when there is more. 0: no limit."),
     START},
    {CHOICE("capture.collect", "all", capture.collect, capture_collects,
	    "What captures hold: all system calls that have an event, or those that rules want "
	    "anyway, which costs a busy system less."),
     START},
    {STRING("capture.stop_filter", "", capture.stop_filter,
	    "A condition; a capture ends with the first event for which it holds."),
     START},

    {PART(
	"load_plugins", CONFIG_STRINGS, "[]",
	"Names of those entries of `plugins` that are loaded, in order; where this key is missing, "
	"all are.")},
    {LIST("plugins", "[]", "Plugins and their settings.")},
    {PART("plugins[].name", CONFIG_STRING, "", "Name of the plugin."), .is_required = true},
    {PART("plugins[].library_path", CONFIG_STRING, "", "Its library."), .is_required = true},
    {PART("plugins[].init_config", CONFIG_MAP, "{}",
	  "What it is started with: a map, or a string."),
     .schema = "{\"type\":[\"object\"," SCALARS "]}"},
    {PART("plugins[].open_params", CONFIG_STRING, "", "What its source is opened with.")},
    {NO_EFFECT("plugins_hostinfo", CONFIG_BOOL, "true",
	       "what plugins do here is part of the program, which knows the host")},

    {BOOL("webserver.enabled", "true", webserver.enabled, "Serve health, versions and metrics by HTTP."),
     START},
    {NUMBER("webserver.threadiness", "0", webserver.threadiness, 0, 4096,
	    "Its threads, 64 at most; 0: one for each CPU, four at most."),
     START},
    {NUMBER("webserver.listen_port", "8765", webserver.listen_port, 0, 65535, "Its port."),
     START},
    {STRING("webserver.listen_address", "0.0.0.0", webserver.listen_address,
	    "Its address, IPv4 or IPv6."),
     START},
    {STRING("webserver.k8s_healthz_endpoint", "/healthz", webserver.healthz_endpoint,
	    "Path of the health endpoint."),
     START},
    {BOOL("webserver.prometheus_metrics_enabled", "false", webserver.prometheus_metrics_enabled,
	  "Serve metrics at /metrics, if metrics.enabled."),
     START},
    {BOOL("webserver.ssl_enabled", "false", webserver.ssl_enabled, "Serve with TLS."),
     START},
    {STRING("webserver.ssl_certificate", "/etc/falco/falco.pem", webserver.ssl_certificate,
	    "Its certificate and key in one file."),
     START},

    {NUMBER("syscall_event_timeouts.max_consecutives", "1000", event_timeouts_max, 1, UINT32_MAX,
	    "Waits of 30 ms without an event until an alert says so.")},
    {REAL("syscall_event_drops.threshold", "0.1", drops.threshold, 0, 1,
	  "Share of lost events in a second, from 0 to 1, above which something is done.")},
    {ROW("syscall_event_drops.actions", CONFIG_CHOICES, "[log, alert]", "What is done: `ignore`, `log`, "
	 "`alert`, `exit`. What is lost is logged unless it is to be ignored."),
     AT(drops.actions), .choices = drop_actions},
    {REAL("syscall_event_drops.rate", "0.03333", drops.rate, 0, UINT32_MAX,
	  "How often, per second, on average.")},
    {REAL("syscall_event_drops.max_burst", "1", drops.max_burst, 0, UINT32_MAX,
	  "How often in a row.")},
    {BOOL("syscall_event_drops.simulate_drops", "false", drops.simulate_drops, "For tests: one is told in each second.")},

    {BOOL("metrics.enabled", "false", metrics.enabled, "Tell metrics: at intervals, and for Prometheus.")},
    {DURATION("metrics.interval", "1h", metrics.interval_ms, 100,
	      "The interval: units y, w, d, h, m, s, ms, as in 1h30m; at least 100ms.")},
    {BOOL("metrics.output_rule", "true", metrics.output_rule,
	  "As the alert \"Falco internal: metrics snapshot\".")},
    {STRING("metrics.output_file", "", metrics.output_file, "To a file, a JSON object a line.")},
    {BOOL("metrics.rules_counters_enabled", "true", metrics.rules_counters,
	  "Count matches by rule.")},
    {BOOL("metrics.resource_utilization_enabled", "true", metrics.resource_utilization,
	  "CPU and memory.")},
    {BOOL("metrics.state_counters_enabled", "true", metrics.state_counters,
	  "Processes and threads.")},
    {BOOL("metrics.kernel_event_counters_enabled", "true", metrics.kernel_event_counters,
	  "Events and drops.")},
    {BOOL("metrics.kernel_event_counters_per_cpu_enabled", "false",
	  metrics.kernel_event_counters_per_cpu, "By CPU.")},
    {BOOL("metrics.libbpf_stats_enabled", "true", metrics.libbpf_stats,
	  "Run times of the probe's programs.")},
    {NO_EFFECT("metrics.plugins_metrics_enabled", CONFIG_BOOL, "true",
	       "what plugins do here is part of the program, and so are its metrics")},
    {BOOL("metrics.kernel_iter_event_counters_enabled", "true", metrics.kernel_iter_event_counters,
	  "Of the kernel's iterators.")},
    {NUMBER("metrics.rules_time_sample", "0", metrics.rules_time_sample, 0, UINT32_MAX,
	    "Time one event in so many rule by rule, to tell what each rule costs; 0: none. 1000 "
	    "costs next to nothing.")},
    {NO_EFFECT("metrics.jemalloc_stats_enabled", CONFIG_BOOL, "false",
	       "memory comes from the C library, not from jemalloc")},
    {BOOL("metrics.convert_memory_to_mb", "true", metrics.convert_memory_to_mb, "Memory in MB.")},
    {BOOL("metrics.include_empty_values", "false", metrics.include_empty_values,
	  "Counters that are 0, too.")},

    {NO_EFFECT("grpc.enabled", CONFIG_BOOL, "false", NO_GRPC)},
    {NO_EFFECT("grpc.bind_address", CONFIG_STRING, "unix:///run/falco/falco.sock", NO_GRPC)},
    {NO_EFFECT("grpc.threadiness", CONFIG_NUMBER, "0", NO_GRPC)},
    {NO_EFFECT("grpc.private_key", CONFIG_STRING, "", NO_GRPC)},
    {NO_EFFECT("grpc.cert_chain", CONFIG_STRING, "", NO_GRPC)},
    {NO_EFFECT("grpc.root_certs", CONFIG_STRING, "", NO_GRPC)},
    {NO_EFFECT("grpc_output.enabled", CONFIG_BOOL, "false", NO_GRPC)},
    {NO_EFFECT("outputs.rate", CONFIG_REAL, "0", NO_LIMIT)},
    {NO_EFFECT("outputs.max_burst", CONFIG_NUMBER, "1000", NO_LIMIT)},
    {NO_EFFECT("metadata_download.max_mb", CONFIG_NUMBER, "100",
	       "kubernetes_metadata has keys of its own")},
    {NO_EFFECT("metadata_download.chunk_wait_us", CONFIG_NUMBER, "1000",
	       "kubernetes_metadata has keys of its own")},
    {NO_EFFECT("metadata_download.watch_freq_sec", CONFIG_NUMBER, "1",
	       "kubernetes_metadata has keys of its own")},
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
	    [CONFIG_BOOL] = "boolean",      [CONFIG_NUMBER] = "number",
	    [CONFIG_REAL] = "number",       [CONFIG_DURATION] = "duration",
	    [CONFIG_STRING] = "string",     [CONFIG_STRINGS] = "list of strings",
	    [CONFIG_CHOICE] = "choice",     [CONFIG_CHOICES] = "list of choices",
	    [CONFIG_SEVERITY] = "severity", [CONFIG_MAP] = "map",
	    [CONFIG_LIST] = "list of maps",
	};

	return names[type];
}
