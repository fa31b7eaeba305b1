import Synchronization
import WebSocketNovaTesting

/// Carries the sockets of a server to its thread.
final class HandOver: Sendable {
    private let listener: Mutex<ScriptSocket?>
    private let reservation: Mutex<ScriptSocket?>

    init(listener: consuming ScriptSocket, reservation: consuming ScriptSocket) {
        self.listener = Mutex(listener)
        self.reservation = Mutex(reservation)
    }

    func takeListener() -> ScriptSocket? { self.listener.withLock { $0.take() } }
    func takeReservation() -> ScriptSocket? { self.reservation.withLock { $0.take() } }
}
