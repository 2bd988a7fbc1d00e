-- Delivers the same signed event again and again. Arguments: id, timestamp, signature, and the file of the body.

function init(args)
    local file = assert(io.open(args[4], "rb"))
    wrk.method = "POST"
    wrk.body = file:read("*a")
    file:close()
    wrk.headers["content-type"] = "application/json"
    wrk.headers["webhook-id"] = args[1]
    wrk.headers["webhook-timestamp"] = args[2]
    wrk.headers["webhook-signature"] = args[3]
end

-- Last line of the output: what `http.rs` reads.
function done(summary, latency)
    local errors = summary.errors
    io.write(string.format(
        '{"requests":%d,"micros":%d,"p50":%d,"p99":%d,"errors":%d}\n',
        summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
        errors.connect + errors.read + errors.write + errors.status + errors.timeout
    ))
end
