// The streams of the connection.
extension ConnectionState {
    /// Lists a stream, with a status or with data.
    public mutating func addActiveStream(_ stream: StreamRef, _ info: StreamInfo) { self.activeStreams[stream] = info }

    /// Sets what is known of a stream; one that is not listed is added.
    public mutating func updateStream(_ stream: StreamRef, _ info: StreamInfo) { self.activeStreams[stream] = info }

    /// Removes a stream; one that is not listed is ignored.
    public mutating func removeStream(_ stream: StreamRef) { self.activeStreams.removeValue(forKey: stream) }

    /// Removes streams; those that are not listed are ignored.
    public mutating func removeStreams(_ streams: some Sequence<StreamRef>) {
        for stream in streams { self.removeStream(stream) }
    }

    /// Removes all streams.
    public mutating func clearAllStreams() { self.activeStreams.removeAll() }

    /// Lists these streams and no others.
    public mutating func updateActiveStreams(_ streams: [StreamRef: StreamInfo]) { self.activeStreams = streams }
}
