# SPDX-License-Identifier: Apache-2.0
# The seven lines that a newcomer types first, by our command line and by docker's own.

setup_file() {
	cd "$BATS_TEST_DIRNAME/../.."
}

@test "the walk-through with coracle" {
	run tests/demo coracle
	echo "$output"
	[ "$status" = 0 ]
	[[ $output == *"nothing is left behind"* ]]
}

@test "the walk-through with docker's command line" {
	run tests/demo docker
	echo "$output"
	[ "$status" = 0 ]
	[[ $output == *"nothing is left behind"* ]]
}
