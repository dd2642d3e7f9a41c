/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "base/fs.h"
#include "container/container-internal.h"

/* clang-format off */
static const char *const adjectives[] = {
	"agile", "amber", "ample", "awake", "balmy", "blithe", "bold", "brave", "breezy", "bright", "brisk", "calm", "candid",
	"cheery", "civil", "clever", "cosy", "crisp", "dapper", "daring", "deft", "eager", "early", "earnest", "easy",
	"fair", "fleet", "fluent", "fond", "frank", "fresh", "gentle", "genial", "glad", "golden", "grand", "hale", "handy",
	"hardy", "hearty", "honest", "humble", "jaunty", "jolly", "keen", "kind", "lively", "loyal", "lucid", "lucky",
	"mellow", "merry", "mild", "modest", "neat", "nimble", "noble", "patient", "placid", "plucky", "polite", "prompt",
	"proud", "quick", "quiet", "ready", "robust", "rosy", "serene", "sharp", "silver", "snug", "sober", "solid",
	"spry", "steady", "stout", "sunny", "sure", "swift", "tidy", "trusty", "upbeat", "vivid", "warm", "wise", "witty",
};
static const char *const seafarers[] = {
	"amundsen", "anson", "baffin", "balboa", "barents", "baudin", "bering", "bougainville", "brendan", "cabot", "cabral",
	"cartier", "champlain", "chichester", "cook", "cousteau", "dampier", "davis", "diaz", "drake", "dumont", "earle",
	"elcano", "erikson", "fitzroy", "flinders", "franklin", "freycinet", "frobisher", "gama", "gerlache", "hanno",
	"henson", "heyerdahl", "hudson", "humboldt", "kotzebue", "lasalle", "macarthur", "mackenzie", "magellan",
	"marchand", "mawson", "nansen", "nares", "nordenskjold", "orellana", "parry", "peary", "perouse", "piccard",
	"pytheas", "quiros", "ross", "scoresby", "shackleton", "slocum", "surcouf", "tasman", "torres", "tupaia",
	"vancouver", "vespucci", "wallis", "weddell", "wilkes", "zarco", "zhenghe",
};
/* clang-format on */

void container_make_name(char *buf, size_t size)
{
	uint32_t r[2];

	random_bytes(r, sizeof(r));
	snprintf(buf, size, "%s_%s", adjectives[r[0] % ARRAY_SIZE(adjectives)],
	         seafarers[r[1] % ARRAY_SIZE(seafarers)]);
}

int container_check_name(const char *name, struct error *err)
{
	if (is_safe_name(name) && name[1])
		return 0;
	return error_set(err, ERROR_INVALID,
	                 "Invalid container name (%s), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed",
	                 name);
}
