complete -c xask -s f -l file -d 'Add a text file, at this place among the words' -r -F
complete -c xask -s i -l image -d 'Add an image (PNG or JPEG), at this place' -r -F
complete -c xask -s s -l system -d 'The system message: how to answer' -r -f
complete -c xask -l system-file -d 'The system message from a file; `-` is standard input' -r -F
complete -c xask -l developer -d 'The same with the role `developer`, in place of --system' -r -f
complete -c xask -s d -l detail -d 'How closely to look at images: auto, low or high' -r -f -a "auto\t''
low\t''
high\t''"
complete -c xask -s c -l conversation -d 'Go on with the conversation in FILE' -r -F
complete -c xask -l messages -d 'Send the earlier messages in FILE, or on standard input (`-`)' -r -F
complete -c xask -s m -l model -d 'The model [env: XASK_MODEL] [default: grok-4]' -r -f
complete -c xask -l max-tokens -d 'Cut the answer after N tokens (exit status 9)' -r -f
complete -c xask -s t -l temperature -d 'Sampling temperature, from 0 to 2' -r -f
complete -c xask -l top-p -d 'Nucleus sampling, over 0 and up to 1' -r -f
complete -c xask -l seed -d 'Sample the same way again, as far as the service can (a 32-bit integer)' -r -f
complete -c xask -l stop -d 'Stop before this text; up to 4 times' -r -f
complete -c xask -l reasoning-effort -d 'How long to think: none, low, medium, high or what the model knows' -r -f
complete -c xask -l schema -d 'Ask for JSON of the form in FILE' -r -F
complete -c xask -s p -l param -d 'Send any other field; VALUE is JSON or a string' -r -f
complete -c xask -s o -l output -d 'Write the answer to FILE, if it is complete and fit' -r -F
complete -c xask -l base-url -d 'The service\'s address [env: XAI_BASE_URL] [default: https://api.x.ai/v1]' -r -f
complete -c xask -l timeout -d 'Give up after this time in all [default: 3600]' -r -f
complete -c xask -l connect-timeout -d 'Give up connecting after this time [default: 10]' -r -f
complete -c xask -l retries -d 'Repeat up to N times a failure that cost nothing [default: 2]' -r -f
complete -c xask -l rehearse -d 'Answer from inside: no key, no network, no cost' -f -a "ok\t''
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
offline\t''"
complete -c xask -l cache -d 'Use an answer recorded in DIR, or record it [env: XASK_CACHE]' -r -f -a "(__fish_complete_directories)"
complete -c xask -s j -l json -d 'Print the reply\'s JSON in place of the text'
complete -c xask -l stream -d 'Print the answer as it comes; the default on a terminal'
complete -c xask -l no-stream -d 'Print the answer when it is whole'
complete -c xask -l usage -d 'Tell the tokens and the cost on standard error'
complete -c xask -s v -l verbose -d 'Tell of the request and the reply on standard error'
complete -c xask -s q -l quiet -d 'No notes on standard error; errors stay'
complete -c xask -l retry-lost -d 'Repeat also what may have been billed'
complete -c xask -l dry-run -d 'Print the request\'s body and stop'
complete -c xask -l offline -d 'Never use the network [env: XASK_OFFLINE=1]'
complete -c xask -l list-models -d 'Print the models the key may use, one a line'
complete -c xask -s h -l help -d 'Print help: -h the flags of every day, --help all of them'
complete -c xask -s V -l version -d 'Print the version'
