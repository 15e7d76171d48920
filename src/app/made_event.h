/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events made of a few fields, as rule tests give them:
 *
 *   evt.type: openat
 *   fd.name: /etc/shadow
 *   proc.name: cat
 *   proc.aname: [bash, sshd]
 *   container.id: null
 *
 * or, of an audit event, which needs no type: ka.verb: create.
 *
 * A record, a process with its ancestors and a descriptor are made so that the fields say what was
 * given and others follow from it: fd.directory from fd.name, proc.args from proc.cmdline,
 * evt.is_open_read from evt.arg.flags. What cannot be made so is laid over the event
 * (fields/given.h), so any field of the catalogue may be given, and a null makes it absent. What is
 * not given is as of an event that tells little: no arguments, a process that is its own first
 * ancestor's child, on the host, with no descriptor.
 */
#ifndef SAKER_APP_MADE_EVENT_H
#define SAKER_APP_MADE_EVENT_H

#include "base/yaml.h"
#include "fields/given.h"

struct made_event;

/* NULL: no memory, with the error set. */
struct made_event *made_event_new(struct error *err);
void made_event_free(struct made_event *m);

/*
 * Makes the event of a mapping of fields; what `defaults` (may be NULL) says holds where the fields
 * do not. The event, to be had from made_event_get, holds until the next call. Errors carry their
 * place. The nodes must stay.
 */
int made_event_make(struct made_event *m, const struct yaml_file *file,
		    const struct yaml_node *fields, const struct yaml_node *defaults,
		    struct error *err);

struct event *made_event_get(struct made_event *m);
/* Whose event it is: k8s_audit where a field of such events is given. */
enum event_source made_event_source(const struct made_event *m);
const struct given_fields *made_event_given(const struct made_event *m);
/* The state that the event is bound to, for an evaluator. */
struct state *made_event_state(struct made_event *m);

#endif
