import WebSocketNova
print("linked")
