// Errors, close codes, header fields and the configuration types stand in the modules below; who imports the product gets
// them with it.
@_exported public import LWSTransport
@_exported public import WebSocketCore
