extension HostileServer {
    /// Every one of them, for what has to hold whatever a server does.
    package static let all = Self.named + Self.invalidCloseCodes

    private static let named: [HostileServer] = [
        // Opening
        .endlessFields, .endlessFieldLine, .endlessUnknownFieldLine, .endlessFieldName, .endlessStatusLine,
        .endlessInterims, .endlessBody, .endlessChunkedBody, .bodyNeverComes, .closesAtAccept, .resetsAtAccept,
        .closesAfterRequest, .resetsAfterRequest, .dropsInStatusLine, .dropsInField, .resetsInField, .speaksHTTP09,
        .speaksSSH, .sendsBinary, .statusIsNoNumber, .speaksTLSToPlain, .redirectsToItself, .saysNothing,
        .dripsHeadForEver, .wrongAccept, .missingAccept, .missingUpgrade, .missingConnection, .emptySwitch,
        .twoAccepts, .switchesWithBody, .switchesInHTTP10, .unofferedSubprotocol, .unofferedExtension,
        .unknownExtension, .repeatedExtension,
        // TLS
        .leavesBeforeTLS, .resetsBeforeTLS, .saysNothingOfTLS, .dropsInTLSHandshake, .resetsInTLSHandshake,
        .stallsInTLSHandshake, .leavesBehindTLSFlight, .sendsAlert, .garbageForTLSHandshake, .dropsInTLSRecord,
        .resetsInTLSRecord, .garbageBeneathTLS, .plainBeneathTLS, .oversizedTLSRecord, .omitsCloseNotify,
        .closesTLSOnly, .splitsTLSRecords, .answersTLSWithHTTP, .answersTLSWithSSH, .wrongName, .noName, .expired,
        .notYetValid, .selfSigned, .unknownIssuer,
        // Messages
        .compressedBomb, .endlessBomb, .corruptDeflate, .marksContinuation, .compressesPing, .masks, .setsRSV1,
        .setsRSV2, .setsRSV3, .reservedDataOpcode, .reservedControlOpcode, .wastesLength16, .wastesLength64,
        .setsTopBitOfLength, .announcesTooMuch, .announcesMuch, .fragmentsPing, .oversizedPing, .continuesNothing,
        .nestsMessages, .dropsInFrameHeader, .dropsInFrame, .dropsInMessage, .dropsBetweenMessages, .halfCloses,
        .resetsInFrame, .resetsInMessage, .resetsBetweenMessages, .resetsBehindSwitch, .dataWithSwitch,
        .closeWithSwitch, .garbageWithSwitch, .switchesTwice, .splitsInvalidUTF8, .endsInsideCharacter,
        .sendsSurrogate, .failsEarly,
        // Floods
        .floodsPings, .floodsPingsUnread, .floodsPongs, .floodsPingsInMessage, .fragmentsByByte,
        .floodsEmptyFragments, .floodsFragmentsAndPings, .messageNeverEnds, .floodsTinyMessages,
        .floodsEmptyMessages, .floodsLargeMessages, .stopsReading, .closesWithoutReading,
        // Closing
        .neverAnswersClose, .floodsInsteadOfClose, .staysAfterClose, .dropsInsteadOfClose, .resetsInsteadOfClose,
        .dropsInCloseFrame, .violatesInsteadOfClose, .closesWithOneByte, .closesWithInvalidReason, .closesTooLong,
        .fragmentsClose, .sendsAfterClose, .floodsAfterClose, .closesTwice, .closesAndStays,
        // Pings
        .neverAnswersPings, .answersPingsLate, .answersOtherPings, .talksInsteadOfPongs, .fallsSilent,
        // Unusual
        .interimResponses, .separateInterimResponses, .thousandMessagesAndClose, .thousandMessagesAndDrop,
        .thousandMessagesAndStay, .tricklesEverything, .tricklesSwitch, .dripsLargeMessage,
    ]
}
