# Folders, and files with one of these endings in any case.
function __xask_files
    set --local token (string replace -r -- '^(--[^=]*=|-[a-z])' '' (commandline -ct))
    set --local endings (string join '|' -- $argv)
    complete -C "'' $token" | string match -ri "^[^\t]*(?:/|\.(?:$endings))(?:\t.*)?\$"
end

complete -c xask -s f -l file -d 'Insert a text file at this position in the prompt' -r -F
complete -c xask -s i -l image -d 'Insert an image (PNG or JPEG) at this position' -r -f -a "(__xask_files png jpg jpeg)"
complete -c xask -s s -l system -d 'Set the system prompt' -r -f
complete -c xask -l system-file -d 'Read the system prompt from PATH; `-` is standard input' -r -F
complete -c xask -l developer -d 'Set the system prompt, like --system, but send it with the role `developer`' -r -f
complete -c xask -s d -l detail -d 'Set how closely the model looks at images: auto, low or high' -r -f -a "auto\t''
low\t''
high\t''"
complete -c xask -s c -l conversation -d 'Continue the conversation in FILE' -r -F
complete -c xask -l messages -d 'Send the earlier messages in FILE; `-` is standard input' -r -F
complete -c xask -s m -l model -d 'Use the model NAME [env: XASK_MODEL] [default: grok-4]' -r -f
complete -c xask -l api -d 'Use this endpoint: chat or responses [env: XASK_API]' -r -f -a "chat\t''
responses\t''"
complete -c xask -l max-tokens -d 'Limit the answer to N tokens (truncated: exit status 9)' -r -f
complete -c xask -s t -l temperature -d 'Set the sampling temperature, from 0 to 2' -r -f
complete -c xask -l top-p -d 'Set the nucleus sampling probability, greater than 0, at most 1' -r -f
complete -c xask -l seed -d 'Set a seed for (best-effort) reproducible sampling' -r -f
complete -c xask -l stop -d 'Stop before TEXT; repeatable, up to 4 times' -r -f
complete -c xask -l reasoning-effort -d 'Set the reasoning effort: none, low, medium, high, or another level that the model supports' -r -f
complete -c xask -l schema -d 'Request JSON that matches the JSON schema in FILE' -r -f -a "(__xask_files json)"
complete -c xask -l choice -d 'Request one of these texts as the answer' -r -f
complete -c xask -s p -l param -d 'Send any other field; VALUE is JSON or a string' -r -f
complete -c xask -l domain -d 'Search only this site (requires --web-search)' -r -f
complete -c xask -l handle -d 'Search only posts of this X account (requires --x-search)' -r -f
complete -c xask -l from-date -d 'Search only posts from this day on (requires --x-search)' -r -f
complete -c xask -l to-date -d 'Search only posts up to this day (requires --x-search)' -r -f
complete -c xask -l sources -d 'Write the cited addresses to FILE, only on success' -r -F
complete -c xask -s o -l output -d 'Write the answer to FILE, only on success (exit status 0)' -r -F
complete -c xask -l log -d 'Append one JSON line about the run to FILE [env: XASK_LOG]' -r -F
complete -c xask -l base-url -d 'Use the API at URL [env: XAI_BASE_URL] [default: https://api.x.ai/v1]' -r -f
complete -c xask -s H -l header -d 'Add a request header; @FILE reads headers from FILE' -r -f
complete -c xask -l timeout -d 'Set the maximum total time, in seconds [default: 3600]' -r -f
complete -c xask -l connect-timeout -d 'Set the maximum time to connect, in seconds [default: 10]' -r -f
complete -c xask -l retries -d 'Retry up to N times when a request was not billed [default: 2]' -r -f
complete -c xask -l fetch -d 'Poll for the answer to an earlier --deferred request' -r -f
complete -c xask -l rehearse -d 'Simulate the API locally: no key, network or cost' -f -a "ok\t''
length\t''
filtered\t''
refused\t''
empty\t''
tools\t''
cut\t''
401\t''
403\t''
429\t''
500\t''
offline\t''
searched\t''
unsearched\t''"
complete -c xask -l cache -d 'Use the answer recorded in DIR, or record it [env: XASK_CACHE]' -r -f -a "(__fish_complete_directories)"
complete -c xask -s n -l names -d 'Put each input\'s name before it'
complete -c xask -l lossy -d 'Replace bytes that are not UTF-8 with U+FFFD'
complete -c xask -l web-search -d 'Let the model search the web'
complete -c xask -l x-search -d 'Let the model search posts on X'
complete -c xask -l require-sources -d 'Fail (exit status 9) unless the model searched and cites a source'
complete -c xask -s j -l json -d 'Print the raw JSON response instead of the text'
complete -c xask -s x -l extract -d 'Print only the first fenced code block of the answer'
complete -c xask -l stream -d 'Print the answer as it arrives; the default on a terminal'
complete -c xask -l no-stream -d 'Print the answer when it is complete'
complete -c xask -l usage -d 'Print token usage and cost to standard error'
complete -c xask -s v -l verbose -d 'Print request and response details to standard error'
complete -c xask -s q -l quiet -d 'Suppress notes, sources and the progress line (errors are still shown)'
complete -c xask -l retry-lost -d 'Also retry requests that may already have been billed'
complete -c xask -l deferred -d 'Get the answer by polling, without holding a connection open'
complete -c xask -l dry-run -d 'Print the request body instead of sending it'
complete -c xask -l offline -d 'Never use the network [env: XASK_OFFLINE=1]'
complete -c xask -l list-models -d 'Print the models that the key may use, one per line'
complete -c xask -s h -l help -d 'Print help (-h: summary, --help: all options)'
complete -c xask -s V -l version -d 'Print the version'
