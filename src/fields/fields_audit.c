/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fields of Kubernetes audit events: ka.*, and any value by its place in the JSON (jevt.*).
 *
 * One table says where a field's value stands and what is made of it. Arrays on the way are gone
 * through, or of the field's index one item is taken; what some items lack is left out. Lists
 * without items are absent.
 */
#include "event/tape.h"
#include "fields/extractors.h"
#include "fields/scratch.h"

enum { KEYS_MAX = 6 };

enum audit_form {
	ONE,        /* the value as text */
	LIST,       /* an array, each item as text */
	EACH,       /* the value of every item of the arrays on the way */
	EACH_ITEM,  /* where that is an array, every item of it */
	JOINED,     /* likewise, with blanks between the items: one text an array */
	REPOSITORY, /* as EACH: images without tag and digest */
	PORTS,      /* as EACH, of lists of ports: the host's, or what stands for it */
	EFFECTIVE,  /* as EACH: where a container says nothing the pod does, or it is 0 */
	KINDS,      /* names of the members but "name" */
	SUBJECTS,   /* names of subjects of a kind */
	OWN,        /* see field_audit */
};

/* Of a container list's name in the keys below. */
static const char LIST_NAME[] = "";

struct audit_row {
	enum audit_form form;
	const char *keys[KEYS_MAX];
	const char *kind; /* SUBJECTS */
};

#define ANNOTATION(name)                                                                           \
	{                                                                                          \
		ONE, {"annotations", name}, NULL                                                   \
	}
#define REQUEST(form, ...)                                                                         \
	{                                                                                          \
		form, {"requestObject", __VA_ARGS__}, NULL                                         \
	}
#define POD(form, ...)                                                                             \
	{                                                                                          \
		form, {"requestObject", "spec", __VA_ARGS__}, NULL                                 \
	}
#define CONTAINER(form, ...)                                                                       \
	{                                                                                          \
		form, {"requestObject", "spec", LIST_NAME, __VA_ARGS__}, NULL                      \
	}
#define CONTEXT "securityContext"

static const struct audit_row rows[AUDIT_VALUE_COUNT] = {
    [KA_AUDITID] = {ONE, {"auditID"}, NULL},
    [KA_STAGE] = {ONE, {"stage"}, NULL},
    [KA_AUTH_DECISION] = ANNOTATION("authorization.k8s.io/decision"),
    [KA_AUTH_REASON] = ANNOTATION("authorization.k8s.io/reason"),
    [KA_AUTH_OPENSHIFT_DECISION] = ANNOTATION("authentication.openshift.io/decision"),
    [KA_AUTH_OPENSHIFT_USERNAME] = ANNOTATION("authentication.openshift.io/username"),
    [KA_VALIDATIONS_ADMISSION_POLICY_FAILURE] =
	ANNOTATION("validation.policy.admission.k8s.io/validation_failure"),
    [KA_SECURITY_POD_VIOLATIONS] = ANNOTATION("pod-security.kubernetes.io/audit-violations"),
    [KA_USER_NAME] = {ONE, {"user", "username"}, NULL},
    [KA_USER_GROUPS] = {LIST, {"user", "groups"}, NULL},
    [KA_IMPUSER_NAME] = {ONE, {"impersonatedUser", "username"}, NULL},
    [KA_VERB] = {ONE, {"verb"}, NULL},
    [KA_URI] = {ONE, {"requestURI"}, NULL},
    [KA_URI_PARAM] = {OWN, {"requestURI"}, NULL},
    [KA_TARGET_NAME] = {ONE, {"objectRef", "name"}, NULL},
    [KA_TARGET_NAMESPACE] = {ONE, {"objectRef", "namespace"}, NULL},
    [KA_TARGET_RESOURCE] = {ONE, {"objectRef", "resource"}, NULL},
    [KA_TARGET_SUBRESOURCE] = {ONE, {"objectRef", "subresource"}, NULL},
    [KA_TARGET_POD_NAME] = {OWN, {"responseObject", "metadata", "name"}, NULL},
    [KA_REQ_BINDING_SUBJECTS] = REQUEST(LIST, "subjects"),
    [KA_REQ_BINDING_SUBJECTS_USER_NAMES] = {SUBJECTS, {"requestObject", "subjects"}, "User"},
    [KA_REQ_BINDING_SUBJECTS_SERVICEACCOUNT_NAMES] = {SUBJECTS,
						      {"requestObject", "subjects"},
						      "ServiceAccount"},
    [KA_REQ_BINDING_SUBJECTS_SERVICEACCOUNT_NS_NAMES] = {SUBJECTS,
							 {"requestObject", "subjects"},
							 "ServiceAccount"},
    [KA_REQ_BINDING_SUBJECTS_GROUP_NAMES] = {SUBJECTS, {"requestObject", "subjects"}, "Group"},
    [KA_REQ_BINDING_ROLE] = REQUEST(ONE, "roleRef", "name"),
    [KA_REQ_BINDING_SUBJECT_HAS_NAME] = {OWN, {NULL}, NULL},
    [KA_REQ_CONFIGMAP_NAME] = {ONE, {"objectRef", "name"}, NULL},
    [KA_REQ_CONFIGMAP_OBJ] = REQUEST(ONE, "data"),
    [KA_REQ_CONTAINER_IMAGE] = {OWN, {"requestObject", "spec", "containers", "image"}, NULL},
    [KA_REQ_CONTAINER_IMAGE_REPOSITORY] = {OWN,
					   {"requestObject", "spec", "containers", "image"},
					   NULL},
    [KA_REQ_POD_HOST_IPC] = POD(ONE, "hostIPC"),
    [KA_REQ_POD_HOST_NETWORK] = POD(ONE, "hostNetwork"),
    [KA_REQ_CONTAINER_HOST_NETWORK] = POD(ONE, "hostNetwork"),
    [KA_REQ_POD_HOST_PID] = POD(ONE, "hostPID"),
    [KA_REQ_CONTAINER_PRIVILEGED] = POD(OWN, "containers", CONTEXT, "privileged"),
    [KA_REQ_POD_RUN_AS_USER] = POD(ONE, CONTEXT, "runAsUser"),
    [KA_REQ_POD_RUN_AS_GROUP] = POD(ONE, CONTEXT, "runAsGroup"),
    [KA_REQ_ROLE_RULES] = REQUEST(LIST, "rules"),
    [KA_REQ_ROLE_RULES_APIGROUPS] = REQUEST(EACH_ITEM, "rules", "apiGroups"),
    [KA_REQ_ROLE_RULES_NONRESOURCEURLS] = REQUEST(EACH_ITEM, "rules", "nonResourceURLs"),
    [KA_REQ_ROLE_RULES_VERBS] = REQUEST(EACH_ITEM, "rules", "verbs"),
    [KA_REQ_ROLE_RULES_RESOURCES] = REQUEST(EACH_ITEM, "rules", "resources"),
    [KA_REQ_POD_FS_GROUP] = POD(ONE, CONTEXT, "fsGroup"),
    [KA_REQ_POD_SUPPLEMENTAL_GROUPS] = POD(LIST, CONTEXT, "supplementalGroups"),
    [KA_REQ_SERVICE_TYPE] = POD(ONE, "type"),
    [KA_REQ_SERVICE_PORTS] = POD(OWN, "ports"),
    [KA_REQ_POD_VOLUMES_HOSTPATH] = POD(EACH, "volumes", "hostPath", "path"),
    [KA_REQ_VOLUME_HOSTPATH] = POD(OWN, "volumes", "hostPath", "path"),
    [KA_REQ_POD_VOLUMES_FLEXVOLUME_DRIVER] = POD(EACH, "volumes", "flexVolume", "driver"),
    [KA_REQ_POD_VOLUMES_VOLUME_TYPE] = POD(KINDS, "volumes"),
    [KA_RESP_NAME] = {ONE, {"responseObject", "metadata", "name"}, NULL},
    [KA_RESPONSE_CODE] = {ONE, {"responseStatus", "code"}, NULL},
    [KA_RESPONSE_REASON] = {ONE, {"responseStatus", "reason"}, NULL},
    [KA_USERAGENT] = {ONE, {"userAgent"}, NULL},
    [KA_SOURCEIPS] = {LIST, {"sourceIPs"}, NULL},
    [KA_CLUSTER_NAME] = {LIST, {"annotations", "cluster_name"}, NULL},
    [JEVT_VALUE] = {OWN, {NULL}, NULL},
    [JEVT_OBJ] = {OWN, {NULL}, NULL},
    [JEVT_RAWTIME] = {OWN, {NULL}, NULL},
    [KA_EACH_ARGS] = CONTAINER(JOINED, "args"),
    [KA_EACH_COMMAND] = CONTAINER(JOINED, "command"),
    [KA_EACH_NAME] = CONTAINER(EACH, "name"),
    [KA_EACH_IMAGE] = CONTAINER(EACH, "image"),
    [KA_EACH_IMAGE_REPOSITORY] = CONTAINER(REPOSITORY, "image"),
    [KA_EACH_HOST_PORT] = CONTAINER(PORTS, "ports"),
    [KA_EACH_PRIVILEGED] = CONTAINER(EACH, CONTEXT, "privileged"),
    [KA_EACH_ALLOW_PRIVILEGE_ESCALATION] = CONTAINER(EACH, CONTEXT, "allowPrivilegeEscalation"),
    [KA_EACH_READ_ONLY_FS] = CONTAINER(EACH, CONTEXT, "readOnlyRootFilesystem"),
    [KA_EACH_RUN_AS_USER] = CONTAINER(EACH, CONTEXT, "runAsUser"),
    [KA_EACH_EFF_RUN_AS_USER] = CONTAINER(EFFECTIVE, CONTEXT, "runAsUser"),
    [KA_EACH_RUN_AS_GROUP] = CONTAINER(EACH, CONTEXT, "runAsGroup"),
    [KA_EACH_EFF_RUN_AS_GROUP] = CONTAINER(EFFECTIVE, CONTEXT, "runAsGroup"),
    [KA_EACH_PROC_MOUNT] = CONTAINER(EACH, CONTEXT, "procMount"),
    [KA_EACH_ADD_CAPABILITIES] = CONTAINER(EACH_ITEM, CONTEXT, "capabilities", "add"),
};

/* What a walk through the event finds, gathered into a list. */
struct gathering {
	const struct tape *t;
	struct arena *scratch;
	const struct audit_row *row;
	const char *list; /* name of the containers' list */
	bool has_index;
	int64_t index;       /* of the item to take of arrays on the way */
	struct str fallback; /* EFFECTIVE */
	bool with_namespace; /* SUBJECTS */
	struct value *items; /* NULL: they are counted */
	size_t count;
};

static bool text_of(struct gathering *g, const struct tape_node *node, struct str *out)
{
	return node && tape_text(g->t, node, g->scratch, out);
}

static void put(struct gathering *g, struct str text)
{
	if (g->items)
		g->items[g->count] = value_str(text);
	g->count++;
}

static void put_node(struct gathering *g, const struct tape_node *node)
{
	struct str text = {"", 0};

	if (!node)
		return;
	/* Texts are made once the list has its place in the arena. */
	if (g->items && !text_of(g, node, &text))
		return;
	put(g, text);
}

static struct str repository_of(struct str image)
{
	size_t end = str_find_byte(image, '@', 0);

	for (size_t i = end; i > 0 && image.p[i - 1] != '/'; i--)
		if (image.p[i - 1] == ':')
			end = i - 1;
	return str_slice(image, 0, end);
}

static void put_repository(struct gathering *g, const struct tape_node *image)
{
	struct str text;

	if (text_of(g, image, &text))
		put(g, repository_of(text));
}

/* The words of a command with blanks between them. */
static void put_joined(struct gathering *g, const struct tape_node *words)
{
	struct buffer text = {0};

	if (words->kind != TAPE_ARRAY)
		return;
	if (g->items) {
		/* Quotes and comma of each leave room for the blank. */
		text.p = arena_bytes(g->scratch, words->size);
		text.room = words->size;
		if (!text.p)
			return;
	}
	for (const struct tape_node *word = tape_first(g->t, words); word && g->items;
	     word = tape_next(g->t, word, words)) {
		char *mark = g->scratch->next;
		struct str one;

		if (!text_of(g, word, &one))
			return;
		if (text.n)
			buffer_putc(&text, ' ');
		buffer_put(&text, one);
		arena_reset_to(g->scratch, mark);
	}
	put(g, buffer_str(&text));
}

static void put_ports(struct gathering *g, const struct tape_node *ports)
{
	if (ports->kind != TAPE_ARRAY)
		return;
	for (const struct tape_node *port = tape_first(g->t, ports); port;
	     port = tape_next(g->t, port, ports)) {
		const struct tape_node *number = tape_get(g->t, port, STR("hostPort"));

		/* With the host's network they are the same. */
		if (!number)
			number = tape_get(g->t, port, STR("containerPort"));
		put_node(g, number);
	}
}

static void put_kinds(struct gathering *g, const struct tape_node *volume)
{
	for (const struct tape_node *name = tape_first(g->t, volume); name;
	     name = tape_next(g->t, name + 1, volume)) {
		if (!str_equal(tape_raw(g->t, name), STR("name")))
			put_node(g, name);
		if (volume->kind != TAPE_OBJECT)
			break;
	}
}

static void put_items(struct gathering *g, const struct tape_node *list)
{
	for (const struct tape_node *item = tape_first(g->t, list); item;
	     item = tape_next(g->t, item, list))
		put_node(g, item);
}

/* node NULL: what the keys name is not there. */
static void found(struct gathering *g, const struct tape_node *node)
{
	switch (g->row->form) {
	case EFFECTIVE:
		if (node)
			put_node(g, node);
		else
			put(g, g->fallback);
		return;
	case EACH_ITEM:
		if (node && node->kind == TAPE_ARRAY)
			put_items(g, node);
		return;
	case JOINED:
		if (node)
			put_joined(g, node);
		return;
	case REPOSITORY:
		put_repository(g, node);
		return;
	case PORTS:
		if (node)
			put_ports(g, node);
		return;
	case KINDS:
		if (node && node->kind == TAPE_OBJECT)
			put_kinds(g, node);
		return;
	default:
		put_node(g, node);
	}
}

static const struct tape_node *item_at(const struct tape *t, const struct tape_node *array,
				       int64_t index)
{
	const struct tape_node *item = tape_first(t, array);

	for (; item && index > 0; index--)
		item = tape_next(t, item, array);
	return item;
}

static struct str key_of(const struct gathering *g, unsigned i)
{
	const char *key = g->row->keys[i];

	return str_from(key == LIST_NAME ? g->list : key);
}

/*
 * Follows the keys from node on. One array on the way is gone through, or its item taken: nothing
 * in a request has one in the other before what fields tell. False: there is no such thing.
 */
static bool follow(struct gathering *g, const struct tape_node *node, unsigned key, bool is_item)
{
	bool is_list = g->row->form == KINDS; /* the keys end at one */

	for (; node; key++) {
		bool is_last = key == KEYS_MAX || !g->row->keys[key];

		if (node->kind == TAPE_ARRAY && !is_item && (!is_last || is_list)) {
			const struct tape_node *item = tape_first(g->t, node);

			if (g->has_index)
				item = item_at(g->t, node, g->index);
			if (g->has_index && !item)
				return false;
			for (; item; item = g->has_index ? NULL : tape_next(g->t, item, node))
				if (!follow(g, item, key, true))
					found(g, NULL);
			return true;
		}
		if (is_last) {
			found(g, node);
			return true;
		}
		node = tape_get(g->t, node, key_of(g, key));
	}
	return false;
}

/* Where the keys lead without arrays on the way. */
static const struct tape_node *find(const struct gathering *g)
{
	const struct tape_node *node = g->t->nodes;

	for (unsigned i = 0; node && i < KEYS_MAX && g->row->keys[i]; i++)
		node = tape_get(g->t, node, key_of(g, i));
	return node;
}

static void put_subjects(struct gathering *g, const struct tape_node *subjects)
{
	for (const struct tape_node *s = tape_first(g->t, subjects); s;
	     s = tape_next(g->t, s, subjects)) {
		const struct tape_node *kind = tape_get(g->t, s, STR("kind"));
		const struct tape_node *name = tape_get(g->t, s, STR("name"));
		const struct tape_node *space = tape_get(g->t, s, STR("namespace"));
		struct str names[2], text;

		if (!kind || !name || !str_equal_c(tape_raw(g->t, kind), g->row->kind))
			continue;
		if (!g->with_namespace) {
			put_node(g, name);
			continue;
		}
		if (!space)
			continue;
		if (!g->items) {
			put(g, STR(""));
			continue;
		}
		if (!text_of(g, space, &names[0]) || !text_of(g, name, &names[1]))
			return;
		text = arena_printf(g->scratch, "%.*s:%.*s", STR_ARG(names[0]), STR_ARG(names[1]));
		put(g, text);
	}
}

static bool gather(struct gathering *g)
{
	const struct tape_node *node;

	g->count = 0;
	switch (g->row->form) {
	case LIST:
		node = find(g);
		if (!node)
			return false;
		if (node->kind != TAPE_ARRAY)
			put_node(g, node->kind == TAPE_NULL ? NULL : node);
		else if (g->has_index)
			put_node(g, item_at(g->t, node, g->index));
		else
			put_items(g, node);
		return true;
	case SUBJECTS:
		node = find(g);
		if (!node || node->kind != TAPE_ARRAY)
			return false;
		put_subjects(g, node);
		return true;
	default:
		return follow(g, g->t->nodes, 0, false);
	}
}

static bool answer_list(struct gathering *g, struct value *out)
{
	if (!gather(g) || g->count == 0)
		return false;
	g->items = ARENA_ARRAY(g->scratch, struct value, g->count);
	if (!g->items || !gather(g) || g->count == 0)
		return false;
	*out = (struct value){
	    .type = VALUE_STRING, .is_list = true, .count = (uint32_t)g->count, .list = g->items};
	return true;
}

static bool answer_node(struct gathering *g, const struct tape_node *node, struct value *out)
{
	struct str text;

	return text_of(g, node, &text) && answer_str(out, text);
}

/* Fields that are made in a way of their own */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A part of a query with %41 and + resolved: in place, for it gets no longer. False: it is none. */
static bool decode_query(struct str *part, struct arena *scratch)
{
	char *memory;
	size_t n = 0;

	if (!memchr(part->p, '%', part->n) && !memchr(part->p, '+', part->n))
		return true;
	memory = arena_bytes(scratch, part->n);
	if (!memory)
		return false;
	for (size_t i = 0; i < part->n; i++) {
		char c = part->p[i];

		if (c == '+') {
			c = ' ';
		} else if (c == '%') {
			int high = i + 2 < part->n ? hex_digit(part->p[i + 1]) : -1;
			int low = i + 2 < part->n ? hex_digit(part->p[i + 2]) : -1;

			if (high < 0 || low < 0)
				return false;
			c = (char)(high << 4 | low);
			i += 2;
		}
		memory[n++] = c;
	}
	*part = (struct str){memory, n};
	return true;
}

static bool uri_param(struct gathering *g, struct str wanted, struct value *out)
{
	struct str uri;
	size_t end;

	if (!text_of(g, find(g), &uri))
		return false;
	uri = str_slice(uri, 0, str_find_byte(uri, '#', 0));
	for (size_t at = str_find_byte(uri, '?', 0) + 1; at <= uri.n; at = end + 1) {
		char *mark = g->scratch->next;
		struct str name, text = {"", 0};
		size_t equals;

		end = str_find_byte(uri, '&', at);
		name = str_slice(uri, at, end);
		equals = str_find_byte(name, '=', 0);
		if (equals < name.n)
			text = str_slice(name, equals + 1, name.n);
		name = str_slice(name, 0, equals);
		if (name.n && decode_query(&name, g->scratch) && str_equal(name, wanted) &&
		    decode_query(&text, g->scratch))
			return answer_str(out, text);
		arena_reset_to(g->scratch, mark);
	}
	return false;
}

static bool target_pod(struct gathering *g, struct value *out)
{
	const struct tape_node *target = tape_get(g->t, g->t->nodes, STR("objectRef"));
	const struct tape_node *resource = tape_get(g->t, target, STR("resource"));
	const struct tape_node *part = tape_get(g->t, target, STR("subresource"));

	if (!resource || !str_equal(tape_raw(g->t, resource), STR("pods")) || (part && part->size))
		return false;
	return answer_node(g, find(g), out);
}

static bool is_any(const struct value *list, struct str wanted, bool is_prefix)
{
	for (uint32_t i = 0; i < list->count; i++)
		if (is_prefix ? str_starts_with(list->list[i].str, wanted)
			      : str_equal(list->list[i].str, wanted))
			return true;
	return false;
}

static bool answer_whether(struct gathering *g, struct str wanted, struct value *out)
{
	bool is_prefix = str_ends_with(wanted, STR("*"));
	struct value list = {0};

	if (!gather(g))
		return false;
	answer_list(g, &list);
	wanted.n -= is_prefix;
	return answer_str(out, is_any(&list, wanted, is_prefix) ? STR("true") : STR("false"));
}

static bool first_image(struct gathering *g, bool is_repository, struct value *out)
{
	struct value list;

	g->has_index = true;
	g->index = 0;
	if (!answer_list(g, &list))
		return false;
	return answer_str(out, is_repository ? repository_of(list.list[0].str) : list.list[0].str);
}

/* All ports are one text, but with an index. */
static bool service_ports(struct gathering *g, struct value *out)
{
	const struct tape_node *node = find(g);
	struct value *item = ARENA_NEW(g->scratch, struct value);

	if (node && g->has_index && node->kind == TAPE_ARRAY)
		node = item_at(g->t, node, g->index);
	if (!item || !answer_node(g, node, item))
		return false;
	*out = (struct value){.type = VALUE_STRING, .is_list = true, .count = 1, .list = item};
	return true;
}

static bool whole_event(struct gathering *g, struct value *out)
{
	struct buffer text = scratch_text(g->scratch);

	tape_print(g->t, g->t->nodes, 2, &text);
	return answer_str(out, scratch_keep(g->scratch, &text));
}

static bool own_form(struct gathering *g, struct field_context *ctx, const struct field_use *use,
		     enum audit_value which, struct value *out)
{
	switch (which) {
	case KA_URI_PARAM:
		return uri_param(g, use->key, out);
	case KA_TARGET_POD_NAME:
		return target_pod(g, out);
	case KA_REQ_BINDING_SUBJECT_HAS_NAME:
		return answer_str(out, STR("true"));
	case KA_REQ_CONTAINER_IMAGE:
	case KA_REQ_CONTAINER_IMAGE_REPOSITORY:
		return first_image(g, which == KA_REQ_CONTAINER_IMAGE_REPOSITORY, out);
	case KA_REQ_CONTAINER_PRIVILEGED:
		return answer_whether(g, STR("true"), out);
	case KA_REQ_VOLUME_HOSTPATH:
		return answer_whether(g, use->key, out);
	case KA_REQ_SERVICE_PORTS:
		return service_ports(g, out);
	case JEVT_VALUE:
		return answer_node(g, tape_pointer(g->t, use->key), out);
	case JEVT_OBJ:
		return whole_event(g, out);
	case JEVT_RAWTIME:
		return answer_u64(out, ctx->event->time);
	default:
		return false;
	}
}

static void find_fallback(struct gathering *g)
{
	const char *key = g->row->keys[4];
	const struct tape_node *pod = tape_get(g->t, g->t->nodes, STR("requestObject"));

	pod = tape_get(g->t, tape_get(g->t, pod, STR("spec")), STR(CONTEXT));
	if (!text_of(g, tape_get(g->t, pod, str_from(key)), &g->fallback))
		g->fallback = STR("0");
}

bool field_audit(struct field_context *ctx, const struct field_use *use, struct value *out)
{
	static const char *const lists[] = {"containers", "initContainers", "ephemeralContainers"};
	enum audit_value which = use->field->selector & 0xff;
	const struct tape *t = ctx->event->tape;
	struct gathering g = {
	    .t = t,
	    .scratch = ctx->scratch,
	    .row = &rows[which],
	    .list = lists[use->field->selector >> 8],
	    .has_index = use->is_index,
	    .index = use->index,
	    .with_namespace = which == KA_REQ_BINDING_SUBJECTS_SERVICEACCOUNT_NS_NAMES,
	};

	if (!t || t->count == 0)
		return false;
	if (which != JEVT_VALUE && which != JEVT_OBJ && which != JEVT_RAWTIME &&
	    !tape_get(t, t->nodes, STR("auditID")))
		return false;
	switch (g.row->form) {
	case ONE:
		return answer_node(&g, find(&g), out);
	case OWN:
		return own_form(&g, ctx, use, which, out);
	case EFFECTIVE:
		find_fallback(&g);
		return answer_list(&g, out);
	default:
		return answer_list(&g, out);
	}
}
