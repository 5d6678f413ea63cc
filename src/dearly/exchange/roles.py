"""What a folder is for, by its name: as mail programs and providers call them in the languages that we know.

A guess, and no more: whether a letter was sent is decided by who wrote it.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence

from dearly.exchange.found import Role
from dearly.letter.address import clean

_NAMES = {
    Role.SENT: """sent|sent mail|sent items|sent messages|sent-mail|outgoing|gesendet|gesendete|gesendete objekte
        |gesendete elemente|gesendete nachrichten|envoyés|envoyé|éléments envoyés|messages envoyés|courrier envoyé
        |enviados|enviado|elementos enviados|mensajes enviados|correo enviado|itens enviados|e-mails enviados
        |mensagens enviadas|inviati|inviata|posta inviata|messaggi inviati|verzonden|verzonden items
        |verzonden berichten|skickat|skickade|skickade objekt|sendt|sendte|sendt post|sendte elementer|lähetetyt
        |wysłane|elementy wysłane|odeslané|odeslaná pošta|odeslaná|odoslané|odoslaná pošta|elküldött
        |elküldött elemek|trimise|mesaje trimise|изпратени|отправленные|надіслані|надіслане|απεσταλμένα|gönderilmiş
        |gönderilmiş öğeler|gönderilmiş postalar|送信済み|送信済みメール|已发送|已发送邮件|已傳送|寄件備份|寄件備份匣
        |보낸편지함|보낸 메일함|דואר שנשלח|נשלח|المرسلة|البريد المرسل""",
    Role.INBOX: """inbox|posteingang|eingang|boîte de réception|réception|courrier entrant|bandeja de entrada|recibidos
        |caixa de entrada|posta in arrivo|in arrivo|postvak in|inkorgen|inkorg|indbakke|innboks|saapuneet|odebrane
        |skrzynka odbiorcza|doručená pošta|doručené|prijatá pošta|beérkezett üzenetek|mesaje primite|входящие|вхідні
        |εισερχόμενα|gelen kutusu|受信トレイ|受信箱|收件箱|收件匣|받은편지함|דואר נכנס|البريد الوارد|maildir""",
    Role.DRAFTS: """drafts|draft|entwürfe|entwurf|brouillons|borradores|rascunhos|bozze|concepten|utkast|kladder
        |luonnokset|szkice|wersje robocze|koncepty|rozepsané|piszkozatok|ciorne|черновики|чернетки|πρόχειρα|taslaklar
        |下書き|草稿|草稿箱|임시보관함|טיוטות|مسودات""",
    Role.OUTBOX: """outbox|unsent messages|unsent|postausgang|boîte d'envoi|messages en attente|bandeja de salida
        |caixa de saída|posta in uscita|postvak uit|utkorgen|udbakke|utboks|lähtevät|skrzynka nadawcza|исходящие""",
    Role.TEMPLATES: "templates|vorlagen|modèles|plantillas|modelos|modelli|sjablonen|mallar|skabeloner|maler|szablony",
    Role.ARCHIVE: """archive|archives|archived|archiv|archivo|arquivo|archivio|archief|arkiv|arkisto|archiwum|архив
        |архів|all mail|alle nachrichten|tous les messages|todos|todos los mensajes|tutti i messaggi""",
    Role.SPAM: """spam|junk|junk e-mail|junk mail|bulk mail|junk-e-mail|spamverdacht|unerwünscht|unerwünschte werbung
        |pourriel|pourriels|indésirables|courrier indésirable|correo no deseado|no deseado|lixo eletrônico
        |posta indesiderata|ongewenste e-mail|ongewenst|skräppost|uønsket e-post|roskaposti|nevyžádaná pošta|спам
        |迷惑メール|垃圾邮件|垃圾郵件|스팸|스팸함""",
    Role.TRASH: """trash|deleted|deleted items|deleted messages|bin|papierkorb|gelöscht|gelöschte objekte
        |gelöschte elemente|corbeille|éléments supprimés|papelera|elementos eliminados|lixeira|lixo|itens excluídos
        |cestino|posta eliminata|prullenbak|verwijderde items|papperskorg|papperskorgen|borttaget|papirkurv
        |slettet post|roskakori|poistetut|kosz|elementy usunięte|koš|odstraněná pošta|kôš|kuka|lomtár|корзина
        |удаленные|удалённые|кошик|видалені|κάδος|çöp kutusu|silinmiş öğeler|ゴミ箱|已删除邮件|已删除|垃圾桶
        |휴지통|אשפה""",
    Role.CHATS: "chat|chats|chatprotokolle",
}
_ROLES = {name.strip(): role for role, names in _NAMES.items() for name in names.split("|")}
_SENT_OF_A_MONTH = re.compile(r"sent-mail-.{3,20}|sent-[a-z]{3}-\d{4}")  # Pine

_BY_WEIGHT = (Role.CHATS, Role.SPAM, Role.TRASH, Role.DRAFTS, Role.SENT, Role.INBOX)
"""Of several labels the first of these counts: a sent letter may lie in the inbox, one thrown away may be sent."""

_UTF7 = re.compile(r"&([A-Za-z0-9+,]{0,1000})-")
_ENDINGS = (".sbd", ".mbox", ".mboxrd", ".imapmbox", ".mozmsgs", ".eml", ".gz")
_UNNAMED = frozenset({"cur", "new", "mail", "imapmail", "messages", "takeout", "[gmail]", "[google mail]", "mbox"})


def role_of(folder: Sequence[str]) -> Role | None:
    """What a folder is for; `folder` are the names from the outermost to its own. The innermost that says it counts."""
    for name in reversed(folder):
        folded = name.strip().casefold()
        role = _ROLES.get(folded) or (Role.SENT if _SENT_OF_A_MONTH.fullmatch(folded) else None)
        if role is not None:
            return role
    return None


def role_of_labels(labels: Sequence[str]) -> Role | None:
    """What a provider's labels say together."""
    named = {role_of([label]) for label in labels}
    return next((role for role in _BY_WEIGHT if role in named), Role.ARCHIVE if Role.ARCHIVE in named else None)


def folder_names(parts: Sequence[str]) -> list[str]:
    """The folders in which letters of a file lie, as its mail program shows them. `parts`: of the path inside the
    archive, without the name of a file that holds one letter."""
    names: list[str] = []
    for root in ("Mail", "ImapMail"):  # what is above is the profile, not a folder of letters
        parts = parts[parts.index(root) + 1 :] if root in parts else parts
    for part in parts:
        if part.lower() in _UNNAMED:
            continue
        # Maildir++: ".Sent.2019" is the folder 2019 in the folder Sent.
        inner = part[1:].split(".") if part.startswith(".") and len(part) > 1 else [part]
        names += [clean(without_ending(_from_utf7(name))) for name in inner]
    return [name for name in names if name]


def without_ending(name: str) -> str:
    """A folder's name without what its program puts behind it."""
    for ending in _ENDINGS:
        if name.lower().endswith(ending) and len(name) > len(ending):
            return name[: -len(ending)]
    return name


def _from_utf7(name: str) -> str:
    """A name in the modified UTF-7 of IMAP (RFC 3501 5.1.3), as Maildir++ has them on the disk."""

    def decoded(found: re.Match[str]) -> str:
        if not found[1]:
            return "&"
        coded = found[1].replace(",", "/")
        try:
            return base64.b64decode(coded + "=" * (-len(coded) % 4)).decode("utf-16-be")
        except ValueError:
            return found[0]

    return _UTF7.sub(decoded, name)
