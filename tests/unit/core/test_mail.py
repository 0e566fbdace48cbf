"""E-mail leaves through one server, over a real SMTP conversation; off without one."""

import asyncio

import pytest

from app.core.mail import Mail, Mailer, MailFailed


async def _serve(lines: list[str], *, refuse: bool) -> asyncio.Server:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.test ESMTP\r\n")
        in_data = False
        while line := (await reader.readline()).decode().rstrip("\r\n"):
            lines.append(line)
            if in_data and line != ".":
                continue
            in_data = line == "DATA" and not refuse
            answer = "354 go on" if in_data else "550 no" if refuse and line.startswith("MAIL") else "250 ok"
            writer.write(f"{answer}\r\n".encode())
            if in_data:
                while (text := (await reader.readline()).decode().rstrip("\r\n")) != ".":
                    lines.append(text)
                in_data = False
                writer.write(b"250 taken\r\n")
            if line == "QUIT":
                break
        writer.close()

    return await asyncio.start_server(talk, "127.0.0.1", 0)


@pytest.mark.feature("F294")
@pytest.mark.parametrize("refuse", [False, True])
async def test_a_message_is_handed_to_the_server(refuse: bool) -> None:
    lines: list[str] = []
    server = await _serve(lines, refuse=refuse)
    async with server:
        mailer = Mailer(f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        assert mailer.on
        mail = Mail("ana@loja.test", "Pedido 1: Entrega", "Saiu para entrega", "ponte-1")
        if refuse:
            with pytest.raises(MailFailed):
                await mailer.send(mail)
            return
        await mailer.send(mail)
    assert "To: ana@loja.test" in lines
    assert "Message-ID: <ponte-1@127.0.0.1>" in lines
    assert "Saiu para entrega" in lines


def test_no_server_no_mail() -> None:
    assert not Mailer("").on
    assert Mailer("smtps://ana%40loja.test:x@mail.test").sender == "ana@loja.test"
