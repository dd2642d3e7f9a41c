/* SPDX-License-Identifier: Apache-2.0 */
/* Templates come from scripts and files: whatever the text, parsing and running it end in output or
 * an error. */
#include "cli/template.h"

#include "json/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char document[] =
		"{\"A\":{\"B\":[1,2.5,\"x\",null,true]},\"M\":{\"k\":\"v\"},\"S\":\"text\"}";
	CLEANUP(json_decref_ptr) json_t *doc = NULL;
	CLEANUP(template_free_ptr) struct template *t = NULL;
	AUTO_FREE char *text = NULL;
	AUTO_STRBUF out = { .limit = 1024 * 1024 };
	struct error err = { 0 };
	struct tvalue v;

	if (size > 4096 || memchr(data, 0, size))
		return 0;
	text = strndup((const char *)data, size);
	t = template_parse(text, &err);
	doc = json_parse(str_from(document), &err);
	if (!t || !doc)
		return 0;
	v = tvalue_from_json(doc);
	IGNORE_RESULT(template_execute(t, &v, 0, &out, &err) < 0, "an error is an answer");
	return 0;
}
