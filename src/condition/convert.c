/* SPDX-License-Identifier: Apache-2.0 */
#include "condition/convert.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netdb.h>

#define OP_BIT(op) (1u << (op))

enum {
	OPS_EQUALITY = OP_BIT(OP_EXISTS) | OP_BIT(OP_EQ) | OP_BIT(OP_NE) | OP_BIT(OP_IN) |
		       OP_BIT(OP_INTERSECTS),
	OPS_ORDER = OP_BIT(OP_LT) | OP_BIT(OP_LE) | OP_BIT(OP_GT) | OP_BIT(OP_GE),
	OPS_PARTS = OP_BIT(OP_CONTAINS) | OP_BIT(OP_STARTSWITH) | OP_BIT(OP_ENDSWITH),
	OPS_TEXT = OPS_EQUALITY | OPS_ORDER | OPS_PARTS | OP_BIT(OP_ICONTAINS) | OP_BIT(OP_GLOB) |
		   OP_BIT(OP_IGLOB) | OP_BIT(OP_REGEX) | OP_BIT(OP_PMATCH),
	OPS_BYTES = OPS_EQUALITY | OPS_PARTS | OP_BIT(OP_BCONTAINS) | OP_BIT(OP_BSTARTSWITH),
	OPS_LIST = OP_BIT(OP_EXISTS) | OP_BIT(OP_IN) | OP_BIT(OP_INTERSECTS),
};

static const uint32_t class_operators[COMPARABLE_COUNT] = {
    [COMPARABLE_NOT] = OP_BIT(OP_EXISTS), [COMPARABLE_NUMBER] = OPS_EQUALITY | OPS_ORDER,
    [COMPARABLE_BOOL] = OPS_EQUALITY,     [COMPARABLE_TEXT] = OPS_TEXT,
    [COMPARABLE_BYTES] = OPS_BYTES,       [COMPARABLE_ADDRESS] = OPS_EQUALITY,
};

static const struct comparable_type types[] = {
    {"CHARBUF", COMPARABLE_TEXT, 0, false, true},
    {"UINT64", COMPARABLE_NUMBER, 64, false, true},
    {"INT64", COMPARABLE_NUMBER, 64, true, false},
    {"UINT32", COMPARABLE_NUMBER, 32, false, false},
    {"INT32", COMPARABLE_NUMBER, 32, true, false},
    {"UINT16", COMPARABLE_NUMBER, 16, false, false},
    {"INT16", COMPARABLE_NUMBER, 16, true, false},
    {"UINT8", COMPARABLE_NUMBER, 8, false, false},
    {"INT8", COMPARABLE_NUMBER, 8, true, false},
    {"BOOL", COMPARABLE_BOOL, 0, false, true},
    {"RELTIME", COMPARABLE_NUMBER, 64, false, true},
    {"ABSTIME", COMPARABLE_NUMBER, 64, false, true},
    {"IPADDR", COMPARABLE_ADDRESS, 0, false, true},
    {"IPNET", COMPARABLE_ADDRESS, 0, false, true},
    {"PORT", COMPARABLE_NUMBER, 16, false, false},
    {"BYTEBUF", COMPARABLE_BYTES, 0, false, false},
    {"DOUBLE", COMPARABLE_NUMBER, 32, true, false},
    {"FSPATH", COMPARABLE_TEXT, 0, false, false},
    {"FSRELPATH", COMPARABLE_TEXT, 0, false, false},
    {"FD", COMPARABLE_NUMBER, 64, true, false},
    {"PID", COMPARABLE_NUMBER, 64, true, false},
    {"UID", COMPARABLE_NUMBER, 32, false, false},
    {"GID", COMPARABLE_NUMBER, 32, false, false},
    {"ERRNO", COMPARABLE_NUMBER, 64, true, false},
    {"MODE", COMPARABLE_NUMBER, 32, false, false},
    {"FLAGS8", COMPARABLE_NUMBER, 8, false, false},
    {"FLAGS16", COMPARABLE_NUMBER, 16, false, false},
    {"FLAGS32", COMPARABLE_NUMBER, 32, false, false},
    {"ENUMFLAGS8", COMPARABLE_NUMBER, 8, false, false},
    {"ENUMFLAGS16", COMPARABLE_NUMBER, 16, false, false},
    {"ENUMFLAGS32", COMPARABLE_NUMBER, 32, false, false},
    {"SIGTYPE", COMPARABLE_NUMBER, 8, false, false},
    {"SYSCALLID", COMPARABLE_NUMBER, 16, false, false},
    {"IPV4ADDR", COMPARABLE_ADDRESS, 0, false, false},
    {"IPV6ADDR", COMPARABLE_ADDRESS, 0, false, false},
};

const struct comparable_type *comparable_type_find(const char *name)
{
	static const struct comparable_type none = {"", COMPARABLE_NOT, 0, false, false};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(types[i].name, name) == 0)
			return &types[i];
	return &none;
}

uint32_t comparable_operators(const struct comparable_type *type, bool is_list)
{
	/* Of a list of paths, as of a pod's volumes, any may lie below one; upstream refuses that.
	 */
	if (is_list && type->class == COMPARABLE_TEXT && type->may_be_list)
		return OPS_LIST | OP_BIT(OP_PMATCH);
	if (is_list)
		return type->may_be_list ? (uint32_t)OPS_LIST : OP_BIT(OP_EXISTS);
	return class_operators[type->class];
}

static int fail(const struct operand *o, struct error *err, const char *expected)
{
	return error_set_at(err, -EINVAL, o->offset, "expected %s, found '%.*s'", expected,
			    (int)(o->text.n > 80 ? 80 : o->text.n), o->text.p);
}

/*
 * Decimal with an optional sign, as sscanf reads it: blanks before it count for nothing, a number
 * too large for the type loses its upper bits, and -1 is an unsigned type's largest number.
 */
static bool read_number(struct str text, const struct comparable_type *type, uint64_t *out,
			bool *is_cut)
{
	size_t i = 0;
	bool is_negative = false;
	uint64_t v = 0, most = type->is_signed ? INT64_MAX : UINT64_MAX;

	while (i < text.n && isspace((unsigned char)text.p[i]))
		i++;
	if (i < text.n && (text.p[i] == '+' || text.p[i] == '-'))
		is_negative = text.p[i++] == '-';
	if (i == text.n)
		return false;
	*is_cut = false;
	for (; i < text.n; i++) {
		unsigned digit = (unsigned char)text.p[i] - '0';

		if (digit > 9)
			return false;
		if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, digit, &v) ||
		    v > most) {
			*is_cut = true;
			v = most;
		}
	}
	if (is_negative && !(*is_cut && !type->is_signed))
		v = -v;
	uint64_t kept = v;
	if (type->bits < 64) {
		unsigned shift = 64 - type->bits;

		kept = type->is_signed ? (uint64_t)((int64_t)(v << shift) >> shift)
				       : v << shift >> shift;
	}
	/* -1 for an unsigned type is an idiom for its largest number. */
	if (kept != v && !(is_negative && !type->is_signed))
		*is_cut = true;
	*out = kept;
	return true;
}

/* Services that rules name, for systems without /etc/services. */
static const struct {
	const char *name;
	uint16_t port;
} services[] = {
    {"ftp", 21},    {"ssh", 22},      {"telnet", 23},     {"smtp", 25},    {"domain", 53},
    {"http", 80},   {"kerberos", 88}, {"pop3", 110},      {"ntp", 123},    {"imap2", 143},
    {"snmp", 161},  {"ldap", 389},    {"https", 443},     {"syslog", 514}, {"ldaps", 636},
    {"imaps", 993}, {"pop3s", 995},   {"nfs", 2049},      {"mysql", 3306}, {"postgresql", 5432},
    {"x11", 6000},  {"redis", 6379},  {"http-alt", 8080},
};

static bool find_service(const char *name, uint64_t *port)
{
	struct servent entry, *found = NULL;
	char memory[4096];

	if (getservbyname_r(name, NULL, &entry, memory, sizeof(memory), &found) == 0 && found) {
		*port = ntohs((uint16_t)found->s_port);
		return true;
	}
	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++) {
		if (strcmp(services[i].name, name) == 0) {
			*port = services[i].port;
			return true;
		}
	}
	return false;
}

static int convert_port(struct operand *o, const struct comparable_type *type, const char **note,
			struct error *err)
{
	static const struct comparable_type whole = {"", COMPARABLE_NUMBER, 64, false, false};
	char name[64];
	bool is_cut = false;
	size_t digits = 0;

	while (digits < o->text.n && isdigit((unsigned char)o->text.p[digits]))
		digits++;
	if (o->text.n == 0)
		return 0; /* an empty text is port 0 */
	if (digits == o->text.n) {
		/* Upstream reads 32 bits and keeps 16. */
		read_number(o->text, &whole, &o->value.u64, &is_cut);
		if (is_cut || o->value.u64 > UINT32_MAX)
			return fail(o, err, "a port number or the name of a service");
		read_number(o->text, type, &o->value.u64, &is_cut);
		if (is_cut)
			*note = "the number is too large for a port: its upper bits are lost";
		return 0;
	}
	if (o->text.n < sizeof(name)) {
		memcpy(name, o->text.p, o->text.n);
		name[o->text.n] = '\0';
		if (find_service(name, &o->value.u64))
			return 0;
	}
	return fail(o, err, "a port number or the name of a service");
}

static int convert_number(struct operand *o, const struct comparable_type *type,
			  enum value_type value_type, const char **note, struct error *err)
{
	uint64_t v, hexadecimal;
	bool is_cut;

	if (!read_number(o->text, type, &v, &is_cut)) {
		if (o->text.n > 2 && o->text.p[0] == '0' && str_to_u64(o->text, &hexadecimal))
			return error_set_at(
			    err, -EINVAL, o->offset,
			    "expected a decimal number, found '%.*s' (that is %llu)",
			    STR_ARG(o->text), (unsigned long long)hexadecimal);
		return fail(o, err, "a whole decimal number");
	}
	if (is_cut)
		*note = "the number is too large for the field's type: its upper bits are lost";
	if (value_type == VALUE_DOUBLE)
		o->value.real = (double)(int64_t)v;
	else
		o->value.u64 = v;
	return 0;
}

/* inet_pton wants a NUL behind the text. */
static bool read_address(struct str text, struct ip_address *out)
{
	char memory[64];
	bool is_v4 = text.n && memchr(text.p, '.', text.n);

	*out = (struct ip_address){.size = is_v4 ? 4 : 16};
	if (text.n >= sizeof(memory))
		return false;
	memcpy(memory, text.p, text.n);
	memory[text.n] = '\0';
	return strlen(memory) == text.n &&
	       inet_pton(is_v4 ? AF_INET : AF_INET6, memory, out->bytes) == 1;
}

static int convert_network(struct operand *o, struct error *err)
{
	static const struct comparable_type prefix_type = {"", COMPARABLE_NUMBER, 64, false, false};
	struct ip_network *net = &o->value.net;
	size_t slash = str_find_byte(o->text, '/', 0);
	uint64_t prefix;
	bool is_cut;

	if (slash == o->text.n)
		return fail(o, err, "a network like 10.0.0.0/8 or \"fd00::/8\"");
	if (!read_address(str_slice(o->text, 0, slash), &net->address))
		return fail(o, err, "an address before the '/'");
	if (!read_number(str_slice(o->text, slash + 1, o->text.n), &prefix_type, &prefix,
			 &is_cut) ||
	    prefix > net->address.size * 8u || (prefix == 0 && net->address.size != 4))
		return error_set_at(err, -EINVAL, o->offset + (uint32_t)slash + 1,
				    "expected a prefix length of %d to %u after the '/' in '%.*s'",
				    net->address.size == 4 ? 0 : 1, net->address.size * 8u,
				    STR_ARG(o->text));
	net->prefix = (uint8_t)prefix;
	for (unsigned i = 0; i < net->address.size; i++) {
		unsigned kept = prefix > i * 8 ? (unsigned)prefix - i * 8 : 0;

		if (kept < 8)
			net->address.bytes[i] &= (uint8_t)(0xff00 >> kept);
	}
	return 0;
}

static int convert_hex(struct operand *o, struct arena *arena, struct error *err)
{
	char *p = arena_bytes(arena, o->text.n / 2 + 1);

	if (o->text.n % 2)
		return fail(o, err, "an even number of hexadecimal digits");
	for (size_t i = 0; i < o->text.n; i++) {
		unsigned char c = (unsigned char)o->text.p[i];
		int digit = isdigit(c) ? c - '0' : (c | 0x20) - 'a' + 10;

		if (!isxdigit(c))
			return fail(o, err, "hexadecimal digits");
		p[i / 2] = (char)(i % 2 ? (unsigned char)p[i / 2] | digit : digit << 4);
	}
	o->value.str = (struct str){p, o->text.n / 2};
	return 0;
}

int operand_convert(struct operand *o, const struct comparable_type *type,
		    enum value_type value_type, enum operator op, struct arena *arena,
		    const char **note, struct error *err)
{
	*note = NULL;
	o->value = (struct value){.type = value_type};
	if (op == OP_BCONTAINS || op == OP_BSTARTSWITH)
		return convert_hex(o, arena, err);
	if (type->class != COMPARABLE_BYTES && o->text.n && memchr(o->text.p, '\0', o->text.n))
		return error_set_at(err, -EINVAL, o->offset,
				    "a value may hold no NUL byte (\\x00): no text has one");
	switch (type->class) {
	case COMPARABLE_TEXT:
	case COMPARABLE_BYTES:
		o->value.str = o->text;
		return 0;
	case COMPARABLE_NUMBER:
		return strcmp(type->name, "PORT") == 0
			   ? convert_port(o, type, note, err)
			   : convert_number(o, type, value_type, note, err);
	case COMPARABLE_BOOL:
		o->value.u64 = str_equal_c(o->text, "true");
		return o->value.u64 || str_equal_c(o->text, "false")
			   ? 0
			   : fail(o, err, "true or false");
	case COMPARABLE_ADDRESS:
		if (value_type == VALUE_NET)
			return convert_network(o, err);
		return read_address(o->text, &o->value.ip) ? 0 : fail(o, err, "an IP address");
	default:
		return fail(o, err, "no value: only 'exists' goes with this type");
	}
}
