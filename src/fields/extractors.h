/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Extractors: the functions that rows of the catalogue name. One function serves a family of rows,
 * told apart by field->selector, whose numbers are below. An extractor answers false where the
 * value is absent and leaves *out alone then; what it computes lives in ctx->scratch.
 */
#ifndef SAKER_FIELDS_EXTRACTORS_H
#define SAKER_FIELDS_EXTRACTORS_H

#include "fields/field.h"

/* For rows whose values have no source: always absent. */
field_extract_fn field_absent;

/* fields_event.c: evt.*, syscall.type */
field_extract_fn field_event;
field_extract_fn field_static;
field_extract_fn field_event_type; /* hot: a static string */
field_extract_fn field_event_time;
field_extract_fn field_call_argument; /* syscall.arg */
field_extract_fn field_argument;      /* evt.arg */
field_extract_fn field_raw_argument;  /* evt.rawarg */
field_extract_fn field_abspath;       /* evt.abspath */

enum event_value {
	EVT_TYPE_IS,
	EVT_CATEGORY,
	EVT_CPU,
	EVT_ARGS,
	EVT_INFO,
	EVT_BUFFER,
	EVT_BUFLEN,
	EVT_RES,
	EVT_RAWRES,
	EVT_FAILED,
	EVT_IS_IO,
	EVT_IS_IO_READ,
	EVT_IS_IO_WRITE,
	EVT_IO_DIR,
	EVT_IS_WAIT,
	EVT_IS_SYSLOG,
	EVT_COUNT,
	EVT_COUNT_ERROR,
	EVT_COUNT_ERROR_FILE,
	EVT_COUNT_ERROR_NET,
	EVT_COUNT_ERROR_MEMORY,
	EVT_COUNT_ERROR_OTHER,
	EVT_COUNT_EXIT,
	EVT_DIR,
	EVT_IS_OPEN_READ,
	EVT_IS_OPEN_WRITE,
	EVT_IS_OPEN_EXEC,
	EVT_IS_OPEN_CREATE,
	EVT_NUM,
	EVT_SOURCE,
	EVT_IS_ASYNC,
	EVT_ASYNCTYPE,
	EVT_HOSTNAME,
	EVT_LATENCY,
	EVT_LATENCY_S,
	EVT_LATENCY_HUMAN,
	EVT_PLUGINNAME,
	EVT_PLUGININFO,
	EVT_IS_IO_URING,
	EVT_IS_COMPAT,
	EVT_IS_OTHER_PROCESS,
	EVT_ARGS_TRUNCATED,
	EVT_AROUND, /* ms between the event and use->index, rounded up */
};

enum event_time_value {
	TIME_TEXT,        /* 20:27:24.123456789 */
	TIME_TEXT_S,      /* 20:27:24 */
	TIME_ISO8601,     /* 2026-11-24T20:27:24.123456789+0000, in UTC */
	TIME_DATETIME,    /* 2026-11-24 20:27:24.123456789 */
	TIME_DATETIME_S,  /* 2026-11-24 20:27:24 */
	TIME_RAW,         /* ns since the epoch */
	TIME_RAW_S,       /* seconds since the epoch */
	TIME_RAW_NS,      /* ns within the second */
	TIME_RELATIVE,    /* ns since the first event */
	TIME_RELATIVE_S,  /* whole seconds of that */
	TIME_RELATIVE_NS, /* ns within the second of that */
	TIME_DELTA,       /* ns since the previous event */
	TIME_DELTA_S,
	TIME_DELTA_NS,
};

/* fields_fd.c: fd.*, fdlist.* */
field_extract_fn field_fd;
field_extract_fn field_fd_name; /* hot */
field_extract_fn field_fd_types;
field_extract_fn field_fdlist;

enum fd_value {
	FDV_NUM,
	FDV_TYPE,
	FDV_TYPECHAR,
	FDV_DIRECTORY,
	FDV_FILENAME,
	FDV_IP,  /* addresses, ports, protocols and networks: of both ends ... */
	FDV_CIP, /* ... client, server, local, remote */
	FDV_SIP,
	FDV_LIP,
	FDV_RIP,
	FDV_PORT,
	FDV_CPORT,
	FDV_SPORT,
	FDV_LPORT,
	FDV_RPORT,
	FDV_PROTO,
	FDV_CPROTO,
	FDV_SPROTO,
	FDV_LPROTO,
	FDV_RPROTO,
	FDV_L4PROTO,
	FDV_SOCKFAMILY,
	FDV_IS_SERVER,
	FDV_UID,
	FDV_CONTAINERNAME,
	FDV_CONTAINERDIRECTORY,
	FDV_CONNECTED,
	FDV_NAME_CHANGED,
	FDV_DEV,
	FDV_DEV_MAJOR,
	FDV_DEV_MINOR,
	FDV_INO,
	FDV_NAMERAW,
	FDV_IS_UPPER_LAYER,
	FDV_IS_LOWER_LAYER,
	FDV_NAME_GIVEN,
	FDV_NAME_RESOLVED,
};

enum fdlist_value {
	FDLIST_NUMS,
	FDLIST_NAMES,
	FDLIST_CIPS,
	FDLIST_SIPS,
	FDLIST_CPORTS,
	FDLIST_SPORTS,
};

/* fields_fspath.c: fs.path.* */
field_extract_fn field_fs_path;

enum fs_path_value {
	FS_PATH_NAME,
	FS_PATH_NAMERAW,
	FS_PATH_SOURCE,
	FS_PATH_SOURCERAW,
	FS_PATH_TARGET,
	FS_PATH_TARGETRAW,
	FS_PATH_NAME_RESOLVED,
};

/*
 * fields_process.c: proc.*, thread.*, user.*, group.*
 *
 * A selector of field_process says which value of which process: PROCESS_SELECTOR(OF_PARENT,
 * PROC_NAME). Of OF_ANCESTOR rows use->index is the generation (0: the process itself, 1: its
 * parent); without an argument the value is the list of all ancestors' values, the parent's first
 * (rows with FIELD_ANY_OF).
 */
field_extract_fn field_process;
field_extract_fn field_thread;
field_extract_fn field_user;
field_extract_fn field_group;

enum process_relation {
	OF_SELF,
	OF_PARENT,
	OF_ANCESTOR,
	OF_SESSION, /* the session's leader */
	OF_PGROUP,  /* the process group's leader */
	OF_VPGROUP, /* the same, by the id in the pid namespace */
};

#define PROCESS_SELECTOR(relation, value) ((relation) << 8 | (value))
#define PROCESS_SELECTOR_RELATION(selector) ((enum process_relation)((selector) >> 8))
#define PROCESS_SELECTOR_VALUE(selector) ((enum process_value)((selector)&0xff))

enum process_value {
	PROC_EXE,
	PROC_EXEPATH,
	PROC_NAME,
	PROC_ARGS,    /* [n]: the n-th argument; without: all with blanks between them */
	PROC_CMDLINE, /* name and arguments */
	PROC_CMDNARGS,
	PROC_CMDLENARGS,
	PROC_EXELINE, /* exe and arguments */
	PROC_ENV,     /* [NAME]: the variable's value; without: all with blanks between them */
	PROC_CWD,
	PROC_LOGINSHELLID,
	PROC_TTY,
	PROC_PID,
	PROC_VPID,
	PROC_SID,
	PROC_PGID,
	PROC_VPGID,
	PROC_DURATION, /* ns from clone to the event */
	PROC_TS,       /* start, ns since the epoch */
	PROC_IS_EXE_WRITABLE,
	PROC_IS_EXE_UPPER_LAYER,
	PROC_IS_EXE_LOWER_LAYER,
	PROC_IS_EXE_FROM_MEMFD,
	PROC_IS_EXE_MOVED,
	PROC_IS_SID_LEADER,
	PROC_IS_VPGID_LEADER,
	PROC_IS_PGID_LEADER,
	PROC_EXE_INO,
	PROC_EXE_INO_CTIME,
	PROC_EXE_INO_MTIME,
	PROC_EXE_INO_CTIME_DURATION_PROC_START,
	PROC_EXE_INO_CTIME_DURATION_PIDNS_START,
	PROC_PIDNS_INIT_START_TS,
	PROC_FDOPENCOUNT,
	PROC_FDLIMIT,
	PROC_FDUSAGE,
	PROC_VMSIZE,
	PROC_VMRSS,
	PROC_VMSWAP,
	PROC_NTHREADS,
	PROC_NCHILDS,
	PROC_STDIN_TYPE,
	PROC_STDOUT_TYPE,
	PROC_STDERR_TYPE,
	PROC_STDIN_NAME,
	PROC_STDOUT_NAME,
	PROC_STDERR_NAME,
};

enum thread_value {
	THREAD_CAP_PERMITTED,
	THREAD_CAP_INHERITABLE,
	THREAD_CAP_EFFECTIVE,
	THREAD_PFMAJOR,
	THREAD_PFMINOR,
	THREAD_TID,
	THREAD_ISMAIN,
	THREAD_VTID,
	THREAD_EXECTIME,
	THREAD_TOTEXECTIME,
	THREAD_CGROUPS,
	THREAD_CGROUP, /* [subsystem] */
	THREAD_CPU,
	THREAD_CPU_USER,
	THREAD_CPU_SYSTEM,
	THREAD_VMSIZE,
	THREAD_VMRSS,
};

enum user_value {
	USER_UID,
	USER_NAME,
	USER_HOMEDIR,
	USER_SHELL,
	USER_LOGINUID,
	USER_LOGINNAME,
};

enum group_value { GROUP_GID, GROUP_NAME };

/*
 * fields_container.c: container.*, k8s.*. What the cgroup alone tells; what runtimes tell; parts of
 * mounts, by number or by a name that may have wildcards.
 */
field_extract_fn field_container;
field_extract_fn field_container_info;
field_extract_fn field_container_mount;

enum container_value {
	CONTAINER_ID,
	CONTAINER_FULL_ID,
	CONTAINER_TYPE,
	CONTAINER_START_TS,
	CONTAINER_DURATION,
	CONTAINER_METADATA, /* complete, incomplete, none; "host" outside of containers */
};

enum container_info_value {
	INFO_NAME,
	INFO_IMAGE,
	INFO_IMAGE_ID,
	INFO_PRIVILEGED,
	INFO_REPOSITORY,
	INFO_TAG,
	INFO_DIGEST,
	INFO_IP,
	INFO_CNI,
	INFO_HOST_PID,
	INFO_HOST_NETWORK,
	INFO_HOST_IPC,
	INFO_LABEL,
	INFO_LABELS,
	INFO_POD_NAME,
	INFO_POD_NAMESPACE,
	INFO_POD_UID,
	INFO_POD_SANDBOX_ID,
	INFO_POD_FULL_SANDBOX_ID,
	INFO_POD_LABEL,
	INFO_POD_LABELS,
	INFO_POD_IP,
	INFO_POD_CNI,
	INFO_MOUNTS,
};

enum container_mount_value {
	MOUNT_WHOLE,
	MOUNT_SOURCE,
	MOUNT_DEST,
	MOUNT_MODE,
	MOUNT_RDWR,
	MOUNT_PROPAGATION,
};

/*
 * fields_kube.c: k8smeta.*, and k8s.* of what a pod belongs to. A selector of field_kube says which
 * part of which object: KUBE_SELECTOR(KUBE_OF_SERVICES, KUBE_NAME).
 */
field_extract_fn field_kube;
field_extract_fn field_kube_pod;

#define KUBE_SELECTOR(of, part) ((of) << 8 | (part))

/* After the kinds of state/pod_info.h. */
enum kube_of { KUBE_OF_POD = KUBE_KINDS, KUBE_OF_SERVICES, KUBE_OF_OWNER };

enum kube_part {
	KUBE_NAME,
	KUBE_UID,
	KUBE_LABEL,
	KUBE_LABELS,           /* "key:value" each */
	KUBE_JOINED = 1 << 15, /* several values as one text */
};

enum kube_pod_value {
	KUBE_POD_IP,
	KUBE_POD_NODE,
	KUBE_POD_SERVICE_ACCOUNT,
	KUBE_POD_OWNER_KIND,
	KUBE_METADATA, /* complete, incomplete, none; "host" outside of containers */
};

/* What Kubernetes said of the pod; NULL: nothing, or it is none. */
const struct pod_info *field_pod(const struct field_context *ctx);

/*
 * fields_audit.c: ka.*, jevt.*, json.*. Selectors are named for the fields; KA_EACH_* are those of
 * a pod's containers, of which there are three lists.
 */
field_extract_fn field_audit;

#define AUDIT_SELECTOR(list, value) ((list) << 8 | (value))

enum audit_containers { KA_CONTAINERS, KA_INIT_CONTAINERS, KA_EPHEMERAL_CONTAINERS };

enum audit_value {
	KA_AUDITID,
	KA_STAGE,
	KA_AUTH_DECISION,
	KA_AUTH_REASON,
	KA_AUTH_OPENSHIFT_DECISION,
	KA_VALIDATIONS_ADMISSION_POLICY_FAILURE,
	KA_SECURITY_POD_VIOLATIONS,
	KA_AUTH_OPENSHIFT_USERNAME,
	KA_USER_NAME,
	KA_USER_GROUPS,
	KA_IMPUSER_NAME,
	KA_VERB,
	KA_URI,
	KA_URI_PARAM,
	KA_TARGET_NAME,
	KA_TARGET_NAMESPACE,
	KA_TARGET_RESOURCE,
	KA_TARGET_SUBRESOURCE,
	KA_TARGET_POD_NAME,
	KA_REQ_BINDING_SUBJECTS,
	KA_REQ_BINDING_SUBJECTS_USER_NAMES,
	KA_REQ_BINDING_SUBJECTS_SERVICEACCOUNT_NAMES,
	KA_REQ_BINDING_SUBJECTS_SERVICEACCOUNT_NS_NAMES,
	KA_REQ_BINDING_SUBJECTS_GROUP_NAMES,
	KA_REQ_BINDING_ROLE,
	KA_REQ_BINDING_SUBJECT_HAS_NAME,
	KA_REQ_CONFIGMAP_NAME,
	KA_REQ_CONFIGMAP_OBJ,
	KA_REQ_CONTAINER_IMAGE,
	KA_REQ_CONTAINER_IMAGE_REPOSITORY,
	KA_REQ_POD_HOST_IPC,
	KA_REQ_POD_HOST_NETWORK,
	KA_REQ_CONTAINER_HOST_NETWORK,
	KA_REQ_POD_HOST_PID,
	KA_REQ_CONTAINER_PRIVILEGED,
	KA_REQ_POD_RUN_AS_USER,
	KA_REQ_POD_RUN_AS_GROUP,
	KA_REQ_ROLE_RULES,
	KA_REQ_ROLE_RULES_APIGROUPS,
	KA_REQ_ROLE_RULES_NONRESOURCEURLS,
	KA_REQ_ROLE_RULES_VERBS,
	KA_REQ_ROLE_RULES_RESOURCES,
	KA_REQ_POD_FS_GROUP,
	KA_REQ_POD_SUPPLEMENTAL_GROUPS,
	KA_REQ_SERVICE_TYPE,
	KA_REQ_SERVICE_PORTS,
	KA_REQ_POD_VOLUMES_HOSTPATH,
	KA_REQ_VOLUME_HOSTPATH,
	KA_REQ_POD_VOLUMES_FLEXVOLUME_DRIVER,
	KA_REQ_POD_VOLUMES_VOLUME_TYPE,
	KA_RESP_NAME,
	KA_RESPONSE_CODE,
	KA_RESPONSE_REASON,
	KA_USERAGENT,
	KA_SOURCEIPS,
	KA_CLUSTER_NAME,
	JEVT_VALUE,
	JEVT_OBJ,
	JEVT_RAWTIME,
	KA_EACH_ARGS,
	KA_EACH_COMMAND,
	KA_EACH_NAME,
	KA_EACH_IMAGE,
	KA_EACH_IMAGE_REPOSITORY,
	KA_EACH_HOST_PORT,
	KA_EACH_PRIVILEGED,
	KA_EACH_ALLOW_PRIVILEGE_ESCALATION,
	KA_EACH_READ_ONLY_FS,
	KA_EACH_RUN_AS_USER,
	KA_EACH_EFF_RUN_AS_USER,
	KA_EACH_RUN_AS_GROUP,
	KA_EACH_EFF_RUN_AS_GROUP,
	KA_EACH_PROC_MOUNT,
	KA_EACH_ADD_CAPABILITIES,
	AUDIT_VALUE_COUNT
};

#endif
