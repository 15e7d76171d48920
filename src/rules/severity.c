/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/ruleset.h"

static const char *const names[SEVERITY_COUNT] = {
    [SEVERITY_EMERGENCY] = "Emergency",
    [SEVERITY_ALERT] = "Alert",
    [SEVERITY_CRITICAL] = "Critical",
    [SEVERITY_ERROR] = "Error",
    [SEVERITY_WARNING] = "Warning",
    [SEVERITY_NOTICE] = "Notice",
    [SEVERITY_INFORMATIONAL] = "Informational",
    [SEVERITY_DEBUG] = "Debug",
};

int severity_by_name(struct str name)
{
	for (int i = 0; i < SEVERITY_COUNT; i++)
		if (str_equal_nocase(name, str_from(names[i])))
			return i;
	return str_equal_nocase(name, STR("info")) ? SEVERITY_INFORMATIONAL : -1;
}

const char *severity_name(enum severity s)
{
	return (unsigned)s < SEVERITY_COUNT ? names[s] : "";
}
